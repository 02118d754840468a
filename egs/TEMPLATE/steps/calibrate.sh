#!/usr/bin/env bash
# Calibration of scores on held-out sets: <scores>/calibration.json.
set -euo pipefail
help_message="Usage: steps/calibrate.sh [options] <dump/raw> <scores> <set>...
e.g.: steps/calibrate.sh dump/raw exp/sv_x/calibration dev
<scores> holds <set>/scores.txt, as score_trials.sh makes them."
least=3
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

scores=("${@:3}") trials=("${@:3}")
scores=("${scores[@]/#/$2/}") trials=("${trials[@]/#/$1/}")
stage once --mark "$2/.done.calibration" --what calibration --deps "${scores[@]/%//scores.txt}" "${trials[@]/%//trials}" \
    --outputs "$2/calibration.json" -- "${python}" -m toolkit.bin.calibrate_scores --scores "${scores[@]/%//scores.txt}" \
    --trials "${trials[@]/%//trials}" --output "$2/calibration.json" "${options[@]}"
