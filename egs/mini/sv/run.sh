#!/usr/bin/env bash
# Speaker verification on a synthetic corpus: sets and configs. All options: egs/mini/sv/run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./sv.sh \
    --train_set train --valid_sets dev --test_sets test \
    --extra_sets "noise_train noise_test noise_ood music_train music_test babble_test" \
    --room_sets rirs_train \
    --simulate_train_config conf/simulate_train.yaml --train_copies 2 \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble music noise" --ood_noises ood --snrs "0 10 20" \
    --feats_type fbank \
    --sv_config conf/train_ecapa.yaml \
    "$@"
