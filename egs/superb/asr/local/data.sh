#!/usr/bin/env bash
# Stage 1: LibriSpeech with its transcripts -> data/. Arguments go to egs/librispeech/prepare_data.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
set -a # prepare_data.py reads db.sh's variables from the environment
. ./db.sh
set +a
python3 ../../librispeech/prepare_data.py "$@"
