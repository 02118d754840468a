#!/usr/bin/env bash
# Stage 1: the mini corpus -> data/; of each validation and test speaker four utterances, dev4 and test4. Options:
# local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. "${VOXSIFT_ROOT}/egs/mini/prepare_data.sh"
for set in dev test; do
    utils/subset_data_dir.sh --per-spk "data/${set}" 4 "data/${set}4"
done
