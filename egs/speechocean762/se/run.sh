#!/usr/bin/env bash
# Speech enhancement on speechocean762 with real noise: held-out speakers, held-out noises. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train --valid_sets dev --test_sets test4 \
    --extra_sets "noise_train noise_dev noise_test nonspeech_test" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_grid_config conf/simulate_grid.yaml \
    --test_noises noise --ood_noises nonspeech --snrs "0 5 10" \
    --se_config conf/train_convtasnet.yaml \
    "$@"
