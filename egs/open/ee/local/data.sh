#!/usr/bin/env bash
# Stage 1: open speech and noises -> data/. Trials are within a corpus: between corpora they are easy.
# Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --piece_seconds 3 --dev_every 8 "$@"
for corpus in speechocean762 librispeech; do
    grep "^${corpus}-" data/dev/utt2spk >"data/dev_${corpus}.list"
    utils/subset_data_dir.sh --utt-list "data/dev_${corpus}.list" data/dev "data/dev_${corpus}"
done
utils/subset_data_dir.sh --per-spk data/train 6 data/train6
utils/subset_data_dir.sh --per-spk data/dev 2 data/dev2
utils/subset_data_dir.sh --per-spk data/test 3 data/test3
utils/subset_data_dir.sh --per-spk data/libri_test 4 data/libri_test4
python3 -m toolkit.bin.make_trials data/dev_speechocean762 data/dev_librispeech data/test3 data/libri_test4
