#!/usr/bin/env bash
# Stage 1: speakers, trials and noises of ${probe_corpus}, which run.sh sets -> data/. Arguments go to its prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
python3 "../../${probe_corpus:-speechocean762}/prepare_data.py" "$@"
for set in dev test valid; do
    [ ! -d "data/${set}" ] || python3 -m toolkit.bin.make_trials "data/${set}"
done
