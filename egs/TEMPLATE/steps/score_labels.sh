#!/usr/bin/env bash
# Error rates of transcripts, or accuracies of intents, with intervals over speakers.
set -euo pipefail
help_message="Usage: steps/score_labels.sh [options] <task> <dump/raw> <labels> <scores> <set>...
e.g.: steps/score_labels.sh asr dump/raw exp/asr_x/transcripts exp/asr_x/scores test
<task> is asr (tables text) or ic (tables utt2intent).
  --resamples 1000     bootstrap resamples"
resamples=1000 least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

declare -A tables=([asr]=text [ic]=utt2intent)
table=${tables[$1]:-} sets=("${@:5}")
[ -n "${table}" ] || die "$1: must be asr or ic"
references=("${sets[@]/#/$2/}") hypotheses=("${sets[@]/#/$3/}") scores=("${sets[@]/#/$4/}")
stage once --mark "$4/.done.$(sha256sum <<<"${sets[*]}" | cut -c 1-8)" --what "scores of $3" \
    --deps "${hypotheses[@]/%//${table}}" "${references[@]/%//${table}}" "${references[@]/%//utt2spk}" --outputs "${scores[@]}" -- \
    "${python}" -m toolkit.bin.score "$1" --in_root "$3" --ref_root "$2" --out_root "$4" --sets "${sets[@]}" \
    --resamples "${resamples}" "${options[@]}"
