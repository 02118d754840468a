#!/usr/bin/env bash
# Speech recognition on a synthetic corpus made on the spot: sentences and commands. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./asr.sh \
    --train_set train_both --valid_sets dev_both --test_sets "test4 commands_test4" \
    --extra_sets "noise_train noise_test" \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --snrs "0 10" \
    --nbpe 150 --asr_config conf/train_conformer.yaml \
    "$@"
