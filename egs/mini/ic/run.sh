#!/usr/bin/env bash
# Intent classification on synthetic commands made on the spot: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ic.sh \
    --train_set commands_train --valid_sets commands_dev4 --test_sets commands_test4 \
    --extra_sets "noise_train noise_test" \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 10" \
    --ic_config conf/train_tdnn.yaml \
    "$@"
