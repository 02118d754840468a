#!/usr/bin/env bash
# Stage 1: the mini corpus -> data/; trials of dev and test. Options: local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. "${VOXSIFT_ROOT}/egs/mini/prepare_data.sh"
python3 -m toolkit.bin.make_trials data/dev data/test
