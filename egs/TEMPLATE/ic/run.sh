#!/usr/bin/env bash
# Intent classification on your own corpus: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"; the slots of a.wav are in a.intent beside it
set -euo pipefail
cd "$(dirname "$0")"

exec ./ic.sh \
    --train_set train --valid_sets valid --test_sets test --extra_sets "noise_train noise_test" \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 10 20" \
    --ic_config conf/train_tdnn.yaml \
    "$@"
