#!/usr/bin/env bash
# Stage 1: synthetic sentences and commands -> data/, with trials of the test sets. Options: local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. "${VOXSIFT_ROOT}/egs/mini/prepare_commands.sh"
python3 -m toolkit.bin.make_trials data/test4 data/commands_test4
