#!/usr/bin/env bash
# Stage 1: LibriSpeech with its transcripts -> data/. Arguments go to egs/librispeech/prepare_data.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
python3 ../../librispeech/prepare_data.py "$@"
