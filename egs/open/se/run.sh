#!/usr/bin/env bash
# Speech enhancement on a CPU, trained on all open speech and noise. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train --valid_sets dev --test_sets "test1 libri_test2" \
    --extra_sets "noise_train noise_dev noise_test nonspeech_test music_train rirs_train" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_grid_config conf/simulate_grid.yaml \
    --test_noises noise --ood_noises nonspeech --snrs "0 5 10" \
    --se_config conf/train_gtcrn.yaml \
    "$@"
