#!/usr/bin/env bash
# Features of audio, by the front end of a training config, to arks.
set -euo pipefail
help_message="Usage: steps/features.sh [options] <training config> <dump/raw> <dump/fbank> <set>...
e.g.: steps/features.sh conf/train_ecapa.yaml dump/raw dump/fbank train"
least=4
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage sets --name features --cmd "${cmd}" --nj "${nj}" --in_root "$2" --out_root "$3" --sets "${@:4}" --stems feats \
    --deps "$1" -- "${python}" -m toolkit.bin.dump_features --config "$1" "${options[@]}"
