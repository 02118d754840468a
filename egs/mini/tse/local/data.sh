#!/usr/bin/env bash
# Stage 1: the mini corpus -> data/; test4 has four utterances of each test speaker. Options: local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. "${VOXSIFT_ROOT}/egs/mini/prepare_data.sh"
utils/subset_data_dir.sh --per-spk data/test 4 data/test4
