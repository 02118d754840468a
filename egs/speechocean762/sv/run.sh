#!/usr/bin/env bash
# Speaker verification on speechocean762 with real noise: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./sv.sh \
    --train_set train --valid_sets dev --test_sets test \
    --extra_sets "noise_train noise_dev noise_test nonspeech_test music_train music_test babble_test" \
    --room_sets rirs_train \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble music noise" --ood_noises nonspeech \
    --sv_config conf/train_ecapa.yaml \
    "$@"
