#!/usr/bin/env bash
# Self-supervised learning on speechocean762 and LibriSpeech's train-clean-100. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./ssl.sh \
    --train_set train --valid_sets dev --test_sets "test4 libri_test4" \
    --extra_sets "noise_train noise_test nonspeech_test" \
    --simulate_grid_config conf/simulate_grid.yaml \
    --test_noises noise --ood_noises nonspeech --snrs "0 10" \
    --clusters 100 --ssl_config conf/train_wavlm.yaml \
    "$@"
