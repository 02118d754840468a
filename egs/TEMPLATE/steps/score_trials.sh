#!/usr/bin/env bash
# Scores of trials, and their error rates, by embeddings.
set -euo pipefail
help_message="Usage: steps/score_trials.sh [options] <dump/raw> <embeddings> <output> <set>...
e.g.: steps/score_trials.sh dump/raw exp/sv_x/embeddings exp/sv_x/scores test
A set has trials, or several lists trials_<x>, whose scores go to <output>/<set>_<x>.
  --logs               folder of the logs (<output>/logs)
  --deps \"...\"         further files on which they depend, e.g. a calibration"
logs='' deps='' least=4
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage trials --cmd "${cmd}" --nj "${nj}" --data_root "$1" --vectors "$2" --out_root "$3" --sets "${@:4}" \
    --logs "${logs:-$3/logs}" --deps ${deps} -- "${python}" -m toolkit.bin.score_trials "${options[@]}"
