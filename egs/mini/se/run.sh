#!/usr/bin/env bash
# Speech enhancement on synthetic sentences and commands: sets and configs. All options: egs/mini/se/run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train_both --valid_sets dev_both --test_sets commands_test4 \
    --extra_sets "noise_train noise_test noise_ood" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_grid_config conf/simulate_grid.yaml --test_noises noise --ood_noises ood --snrs "0 10" \
    --se_config conf/train_convtasnet_snr.yaml \
    "$@"
