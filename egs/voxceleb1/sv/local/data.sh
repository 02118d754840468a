#!/usr/bin/env bash
# Stage 1: VoxCeleb1 with its official trials, MUSAN, Nonspeech100 (and RIRS_NOISES) -> data/. Arguments go to
# prepare_data.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
python3 ../prepare_data.py "$@"
if [ -d data/valid ]; then
    python3 -m toolkit.bin.make_trials data/valid
fi
