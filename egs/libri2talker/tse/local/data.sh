#!/usr/bin/env bash
# Stage 1: Libri-2talker's lists, Libri2Mix's metadata and LibriSpeech -> plans of mixtures in data/. Arguments go to
# prepare_data.py (--help).
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
rate=(--fs "${fs:-16000}" --dumpdir "${dumpdir:-dump}")
PYTHONPATH=../../libri2mix:${PYTHONPATH:-} python3 ../prepare_data.py "${rate[@]}" "$@"
if [[ " $* " != *" --help "* ]] && [ -f "${LIBRI2MIX_TEST}" ]; then
    python3 ../../libri2mix/prepare_data.py --parts test_libri2mix "${rate[@]}"
fi
