#!/usr/bin/env bash
# Speech recognition on open speech with real noise: held-out speakers, held-out noises. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./asr.sh \
    --train_set train --valid_sets dev --test_sets "test4 libri_test4" \
    --extra_sets "noise_train noise_test nonspeech_test" \
    --simulate_grid_config conf/simulate_grid.yaml \
    --test_noises noise --ood_noises nonspeech --snrs "0 10" \
    --nbpe 300 --asr_config conf/train_conformer.yaml \
    "$@"
