#!/usr/bin/env bash
# Self-supervised learning on a synthetic corpus made on the spot. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ssl.sh \
    --train_set train --valid_sets dev4 --test_sets test4 --extra_sets "noise_train noise_test" \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 10" \
    --clusters 50 --targets_layer 2 --ssl_config conf/train_wavlm.yaml \
    "$@"
