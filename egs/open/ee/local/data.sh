#!/usr/bin/env bash
# Stage 1: open speech and noises -> data/. Trials are within a corpus: between corpora they are easy. Those for calibration are of
# corpora with recordings as long as those of users, because scores rise with the length. Arguments go to prepare_data.py.
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 ../prepare_data.py --help; fi
python3 ../prepare_data.py --piece_seconds 3 --dev_piece_seconds 7 --dev_every 8 "$@"
utils/subset_data_dir.sh --per-spk data/train 6 data/train6
utils/subset_data_dir.sh --per-spk data/dev 2 data/dev2
for corpus in librispeech alphanumeric; do
    grep "^${corpus}-" data/dev2/utt2spk >"data/dev2_${corpus}.list"
    utils/subset_data_dir.sh --utt-list "data/dev2_${corpus}.list" data/dev2 "data/dev2_${corpus}"
done
utils/subset_data_dir.sh --per-spk data/test 3 data/test3
utils/subset_data_dir.sh --per-spk data/libri_test 4 data/libri_test4
python3 -m toolkit.bin.make_trials --nontargets_per_target 20 data/dev2_librispeech data/dev2_alphanumeric
python3 -m toolkit.bin.make_trials data/test3 data/libri_test4
