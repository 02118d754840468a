#!/usr/bin/env bash
# Stage 1: open speech with transcripts, and noises -> data/; of each test speaker four utterances, test4 and libri_test4.
# Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --corpora speechocean762 speech_commands --transcribed "$@"
for set in test libri_test; do
    utils/subset_data_dir.sh --per-spk "data/${set}" 4 "data/${set}4"
done
