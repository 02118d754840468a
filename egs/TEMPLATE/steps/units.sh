#!/usr/bin/env bash
# Units of text, by sentencepiece, of the transcripts of a training set.
set -euo pipefail
help_message="Usage: steps/units.sh [options] <kind> <training set> <output>
e.g.: steps/units.sh --size 500 bpe dump/raw/train exp/asr_units/train_bpe500
<kind> is bpe or char; <output> gets units.model, and units.vocab with a unit a line.
  --size               number of BPE units
  --check \"...\"        sets whose characters must be among the units; those that are not are named (none)"
size='' check='' least=3
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

read -ra checked <<<"${check}"
texts=("$2" "${checked[@]}")
[ -z "${check}" ] || checked=(--check "${checked[@]}")
stage once --mark "$3/.done" --what units --deps "${texts[@]/%//text}" --outputs "$3/units.model" "$3/units.vocab" -- \
    "${python}" -m toolkit.bin.train_units --kind "$1" ${size:+--size "${size}"} --output "$3/units.model" "$2" \
    "${checked[@]}" "${options[@]}"
