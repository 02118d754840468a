#!/usr/bin/env bash
# Stage 1: open speech and noises -> data/. Single words of Speech Commands are too short for crops of 3 s.
# Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --corpora speechocean762 librispeech alphanumeric msc --piece_seconds 3 "$@"
utils/subset_data_dir.sh --per-spk data/test 1 data/test1
utils/subset_data_dir.sh --per-spk data/libri_test 2 data/libri_test2
