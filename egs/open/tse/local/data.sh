#!/usr/bin/env bash
# Stage 1: open speech and noises -> data/; of each dev speaker and each test speaker of speechocean762 four utterances, dev4
# and test4; the mixtures of Libri2Mix's test set that LIBRI2MIX_TEST lists. Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --corpora speechocean762 librispeech alphanumeric msc --piece_seconds 3 "$@"
utils/subset_data_dir.sh --per-spk data/dev 4 data/dev4
utils/subset_data_dir.sh --per-spk data/test 4 data/test4
python3 ../../libri2mix/prepare_data.py --parts test_libri2mix --fs "${fs:-16000}" --dumpdir "${dumpdir:-dump}"
