#!/usr/bin/env bash
# A verifier for noise on a CPU: enhancement of GE2E's embeddings, trained on all open speech and noise.
# All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ee.sh \
    --train_set train6 --valid_sets dev2 --test_sets "test3 libri_test4" \
    --calibration_set "dev2_librispeech dev2_alphanumeric" \
    --extra_sets "noise_train noise_dev noise_test music_train babble_test" \
    --room_sets rirs_train \
    --simulate_calibration_config conf/simulate_calibration.yaml --p_target 0.5 \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble noise" --snrs "0 10 20" \
    --extractor_config conf/ge2e.yaml --ee_config conf/train_projection.yaml \
    "$@"
