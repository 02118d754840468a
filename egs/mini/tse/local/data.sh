#!/usr/bin/env bash
# Stage 1: the synthetic mini corpus (generated once for all tasks) -> data/; test4 has four utterances of each
# test speaker. Options: those of toolkit.bin.make_minicorpus, e.g. --workers 4, or --train_speakers 8 --utterances 6
# for a smaller one.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 -m toolkit.bin.make_minicorpus --help; fi
python3 -m toolkit.bin.make_minicorpus --outdir "${MINI}" "$@"
python3 -m toolkit.bin.prepare_minicorpus --corpus "${MINI}" --outdir data
utils/subset_data_dir.sh --per-spk data/test 4 data/test4
