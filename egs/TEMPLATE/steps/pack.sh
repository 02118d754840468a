#!/usr/bin/env bash
# An experiment as one file: config, weights, calibration, facts of the run.
set -euo pipefail
help_message="Usage: steps/pack.sh [options] <experiment>
e.g.: steps/pack.sh exp/sv_x      makes exp/sv_x/packed.zip
  --weights            which to pack (those that training leaves for use)"
weights='' least=1
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage once --mark "$1/.done.pack" --what "packed.zip" --outputs "$1" "$1/packed.zip" -- "${python}" -m toolkit.bin.pack \
    --expdir "$1" ${weights:+--weights "${weights}"} --output "$1/packed.zip" "${options[@]}"
