#!/usr/bin/env bash
# Embeddings of utterances by a trained system of speaker verification.
set -euo pipefail
help_message="Usage: steps/embed.sh [options] <system> <dump/raw> <output> <set>...
e.g.: steps/embed.sh exp/sv_x dump/raw exp/sv_x/embeddings test
<system> is the folder of an experiment, or a packed.zip.
  --weights            of an experiment (valid.eer.ave.pth)"
weights=valid.eer.ave.pth least=4
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage sets --name embed --cmd "${engine}" --nj "${nj}" --in_root "$2" --out_root "$3" --sets "${@:4}" --stems embedding \
    --deps $(files_of "$1" "${weights}") -- "${python}" -m toolkit.bin.embed_utterances --model "$1" --weights "${weights}" \
    --device "${device}" "${options[@]}"
