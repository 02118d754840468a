#!/usr/bin/env bash
# Self-supervised learning on a CPU, on all open speech and noise. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ssl.sh \
    --train_set train --valid_sets dev --test_sets "test1 libri_test2" \
    --extra_sets "noise_train noise_test nonspeech_test" \
    --simulate_grid_config conf/simulate_grid.yaml \
    --test_noises noise --ood_noises nonspeech --snrs "0 10" \
    --clusters 100 --ssl_config conf/train_wavlm.yaml \
    "$@"
