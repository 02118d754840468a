#!/usr/bin/env bash
# Stage 1: speechocean762 and noises -> data/; of each test speaker four utterances, test4. Arguments go to
# prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --librispeech --enrollable "$@"
utils/subset_data_dir.sh --per-spk data/test 4 data/test4
if [ -f "${LIBRI2MIX_TEST}" ]; then
    python3 ../../libri2mix/prepare_data.py --parts test_libri2mix --fs "${fs:-8000}" --dumpdir "${dumpdir:-dump}"
fi
