#!/usr/bin/env bash
# Stage 1: speechocean762 and noises -> data/; of each test speaker four utterances, test4, with trials for --sv_exp.
# Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py "$@"
utils/subset_data_dir.sh --per-spk data/test 4 data/test4
python3 -m toolkit.bin.make_trials data/test4
