#!/usr/bin/env bash
# Enhancement of the embeddings of a pretrained extractor on real speech and noise: sets and configs.
# All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ee.sh \
    --train_set train --valid_sets dev --test_sets "test libri_test" \
    --extra_sets "noise_train noise_dev noise_test nonspeech_test music_train music_test babble_test" \
    --room_sets rirs_train \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble music noise" --ood_noises nonspeech --snrs "0 10 20" \
    --extractor_config conf/ge2e.yaml --ee_config conf/train_seed_ge2e.yaml --pair_draws 4 \
    "$@"
