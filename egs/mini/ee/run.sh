#!/usr/bin/env bash
# Enhancement of the embeddings of a pretrained extractor, trained on a synthetic corpus: sets and configs.
# All options: egs/mini/ee/run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ee.sh \
    --train_set train --valid_sets dev --test_sets test \
    --extra_sets "noise_train noise_test noise_ood music_train music_test babble_test" \
    --room_sets rirs_train \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble music noise" --ood_noises ood --snrs "0 10" \
    --extractor_config conf/ge2e.yaml --ee_config conf/train_seed_ge2e.yaml \
    "$@"
