#!/usr/bin/env bash
# Self-supervised learning on your own recordings: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"; no labels are read
set -euo pipefail
cd "$(dirname "$0")"

exec ./ssl.sh \
    --train_set train --valid_sets valid --test_sets test --extra_sets "noise_train noise_test" \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 10" \
    --ssl_config conf/train_wavlm.yaml \
    "$@"
