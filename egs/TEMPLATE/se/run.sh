#!/usr/bin/env bash
# Speech enhancement on your own corpus: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train --valid_sets valid --test_sets test --extra_sets "noise_train noise_test" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 5 10 15" \
    --se_config conf/train_convtasnet.yaml \
    "$@"
