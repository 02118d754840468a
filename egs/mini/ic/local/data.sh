#!/usr/bin/env bash
# Stage 1: synthetic sentences, which this task leaves aside, and commands -> data/. Options: local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. "${VOXSIFT_ROOT}/egs/mini/prepare_commands.sh"
