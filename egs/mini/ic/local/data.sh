#!/usr/bin/env bash
# Stage 1: synthetic commands (made on the spot, once) -> data/; of each test speaker four. Options: those of
# toolkit.bin.make_minicorpus, e.g. --workers 4, or --train_speakers 8 --commands 6 for a tinier corpus.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 -m toolkit.bin.make_minicorpus --help; fi
corpus=${MINI}_orders # few sentences, which this task leaves aside
python3 -m toolkit.bin.make_minicorpus --outdir "${corpus}" --utterances 1 --commands 10 --pieces 1 --rooms 1 "$@"
python3 -m toolkit.bin.prepare_minicorpus --corpus "${corpus}" --outdir data
for set in commands_dev commands_test; do
    utils/subset_data_dir.sh --per-spk "data/${set}" 4 "data/${set}4"
done
