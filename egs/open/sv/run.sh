#!/usr/bin/env bash
# Speaker verification on a CPU, trained on all open speech and noise. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./sv.sh \
    --train_set train --valid_sets "dev2_librispeech dev2_alphanumeric" --test_sets "test3 libri_test4" \
    --extra_sets "noise_train noise_dev noise_test music_train babble_test" \
    --room_sets rirs_train \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble noise" --snrs "0 10 20" \
    --sv_config conf/train_ecapa.yaml --floor_config conf/ge2e.yaml \
    "$@"
