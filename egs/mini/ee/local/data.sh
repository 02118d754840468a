#!/usr/bin/env bash
# Stage 1: the synthetic mini corpus (generated once) -> data/. Options: those of toolkit.bin.make_minicorpus,
# e.g. --workers 4, or --train_speakers 8 --utterances 6 for a smaller one.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 -m toolkit.bin.make_minicorpus --help; fi
python3 -m toolkit.bin.make_minicorpus --outdir "${MINI}" "$@"
python3 -m toolkit.bin.prepare_minicorpus --corpus "${MINI}" --outdir data
python3 -m toolkit.bin.make_trials data/dev data/test
