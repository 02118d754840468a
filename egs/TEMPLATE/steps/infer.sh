#!/usr/bin/env bash
# What a trained system makes of sets: audio by enhancement and extraction, embeddings by their enhancement, text by
# recognition, intents by their classification, predicted units.
set -euo pipefail
help_message="Usage: steps/infer.sh [options] <task> <system> <input> <output> <set>...
e.g.: steps/infer.sh se exp/se_x dump/raw exp/se_x/enhanced test
<task> is se, tse, ee, asr, ic or ssl; <system> is the folder of an experiment, or a packed.zip.
  --weights            of an experiment (those that training leaves for use)
  --depends_on         weights whose change makes the outputs anew (--weights)
  --name infer         of the logs and marks
  --stems wav          ark name of the outputs
  --deps \"...\"         further files on which they depend: marks of sets that enrolments are from"
weights='' depends_on='' name=infer stems=wav deps='' least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

place=(--device "${device}")
if [ "$1" = ee ]; then place=(); fi # small enough for a CPU
stage sets --name "${name}" --cmd "${engine}" --nj "${nj}" --in_root "$3" --out_root "$4" --sets "${@:5}" --stems "${stems}" \
    --deps $(files_of "$2" "${depends_on:-${weights:-valid.*.ave.pth}}") ${deps} -- \
    "${python}" -m toolkit.bin.infer "$1" --model "$2" ${weights:+--weights "${weights}"} "${place[@]}" "${options[@]}"
