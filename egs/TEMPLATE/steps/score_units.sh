#!/usr/bin/env bash
# Accuracy of predicted units of masked frames, with intervals over speakers.
set -euo pipefail
help_message="Usage: steps/score_units.sh [options] <dump/raw> <predictions> <scores> <set>...
e.g.: steps/score_units.sh dump/raw exp/ssl_x/predictions exp/ssl_x/scores test
  --resamples 1000     bootstrap resamples"
resamples=1000 least=4
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

references=("${@:4}") hypotheses=("${@:4}") scores=("${@:4}")
references=("${references[@]/#/$1/}") hypotheses=("${hypotheses[@]/#/$2/}") scores=("${scores[@]/#/$3/}")
stage once --mark "$3/.done.$(sha256sum <<<"${*:4}" | cut -c 1-8)" --what "scores of $2" \
    --deps "${hypotheses[@]/%//utt2units}" "${hypotheses[@]/%//utt2predicted}" "${references[@]/%//utt2spk}" --outputs "${scores[@]}" -- \
    "${python}" -m toolkit.bin.score_units --in_root "$2" --ref_root "$1" --out_root "$3" --sets "${@:4}" \
    --resamples "${resamples}" "${options[@]}"
