#!/usr/bin/env bash
# Target speaker extraction on a synthetic corpus: sets and configs. All options: egs/mini/tse/run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./tse.sh \
    --train_set train --valid_sets dev --test_sets test4 \
    --extra_sets "noise_train noise_test" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_configs "conf/simulate_2talker.yaml conf/simulate_2talker_noise.yaml" \
    --tse_config conf/train_sefpnet.yaml --enroll_lengths "1" \
    "$@"
