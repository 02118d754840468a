#!/usr/bin/env bash
# Metrics of audio, by utterance, and their means with intervals over speakers.
set -euo pipefail
help_message="Usage: steps/score_audio.sh [options] <dump/raw> <audio> <metrics> <scores> <set>...
e.g.: steps/score_audio.sh --metrics \"si_sdr stoi\" dump/raw exp/se_x/enhanced exp/se_x/metrics exp/se_x/scores test
  --metrics            of score_audio; none: what --opts asks for
  --mixtures           folder for the metrics of the mixtures themselves, which all experiments share (none)
  --breakdown auto     groups; auto: gender_pair where the genders of the talkers are known
  --interferers true   compare with the other talkers of a mixture
  --resamples 1000     bootstrap resamples
  --deps \"...\"         further files on which they depend: those of a verifier"
metrics='' mixtures='' breakdown=auto interferers=true resamples=1000 deps='' least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

words=()
"${interferers}" || words=(--no_interferers)
[ -z "${mixtures}" ] || words+=(--mixtures "${mixtures}")
stage audio --cmd "${cmd}" --nj "${nj}" --data_root "$1" --audio "$2" --values "$3" --out_root "$4" --sets "${@:5}" \
    --metrics ${metrics} --breakdown ${breakdown} --resamples "${resamples}" --deps ${deps} "${words[@]}" -- \
    "${python}" -m toolkit.bin.score_audio "${options[@]}"
