#!/usr/bin/env bash
# Error rates of transcripts, or accuracies of intents or predicted units, with intervals over speakers.
set -euo pipefail
help_message="Usage: steps/score_labels.sh [options] <task> <dump/raw> <labels> <scores> <set>...
e.g.: steps/score_labels.sh asr dump/raw exp/asr_x/transcripts exp/asr_x/scores test
<task> is asr (tables text), ic (utt2intent) or ssl (utt2units and utt2predicted of <labels>).
  --resamples 1000     bootstrap resamples"
resamples=1000 least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

declare -A tables=([asr]=text [ic]=utt2intent [ssl]="utt2units utt2predicted")
[ -n "${tables[$1]:-}" ] || die "$1: must be asr, ic or ssl"
sets=("${@:5}") deps=()
for set in "${sets[@]}"; do
    for table in ${tables[$1]}; do deps+=("$3/${set}/${table}"); done
    [ "$1" = ssl ] || deps+=("$2/${set}/${table}")
    deps+=("$2/${set}/utt2spk")
done
stage once --mark "$4/.done.$(sha256sum <<<"${sets[*]}" | cut -c 1-8)" --what "scores of $3" \
    --deps "${deps[@]}" --outputs "${sets[@]/#/$4/}" -- \
    "${python}" -m toolkit.bin.score "$1" --in_root "$3" --ref_root "$2" --out_root "$4" --sets "${sets[@]}" \
    --resamples "${resamples}" "${options[@]}"
