#!/usr/bin/env bash
# Stage 1: LibriTTS-R and Libri-Light, VoxCeleb1, VC-Mix and VoxSRC23 with their trials, MUSAN and RIRS_NOISES -> data/.
# Arguments go to prepare_ee.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
python3 ../prepare_ee.py "$@"
