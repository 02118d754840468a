#!/usr/bin/env bash
# Embeddings of clean speech and of its variants, for training an enhancement of embeddings.
set -euo pipefail
help_message="Usage: steps/pairs.sh [options] <variants> <system> <dump/raw> <dump/pairs> <set>...
e.g.: steps/pairs.sh conf/pairs_train.yaml ../sv/exp/sv_x dump/raw dump/pairs/sv_x train
<variants> of clean speech are a config, <system> the folder of an experiment or a packed.zip.
  --weights            of the system (valid.eer.ave.pth)
  --crop_seconds       length of crops in s, 0: whole utterances (2.015)
  --deps \"...\"         further files on which they depend: marks of the noises"
weights=valid.eer.ave.pth crop_seconds=2.015 deps='' least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage sets --name pairs --cmd "${engine}" --nj "${nj}" --in_root "$3" --out_root "$4" --sets "${@:5}" --stems pairs \
    --deps "$1" $(files_of "$2" "${weights}") ${deps} -- "${python}" -m toolkit.bin.embed_pairs --config "$1" \
    --model "$2" --weights "${weights}" --crop_seconds "${crop_seconds}" --device "${device}" --trust "${options[@]}"
