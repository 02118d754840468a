#!/usr/bin/env bash
# Speech enhancement on a synthetic corpus: sets and configs. All options: egs/mini/se/run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train --valid_sets dev --test_sets test4 \
    --extra_sets "noise_train noise_test noise_ood" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --ood_noises ood --snrs "0 10" \
    --se_config conf/train_convtasnet_snr.yaml \
    "$@"
