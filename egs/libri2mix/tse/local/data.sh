#!/usr/bin/env bash
# Stage 1: Libri2Mix's metadata, LibriSpeech and WHAM's noises -> plans of mixtures in data/. Arguments go to
# prepare_data.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
python3 ../prepare_data.py --fs "${fs:-8000}" --dumpdir "${dumpdir:-dump}" "$@"
