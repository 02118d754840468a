#!/usr/bin/env bash
# Stage 1: speechocean762, LibriSpeech babble talkers, noises, music and room responses -> data/. Arguments go to
# prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py "$@"
python3 -m toolkit.bin.make_trials data/dev data/test
