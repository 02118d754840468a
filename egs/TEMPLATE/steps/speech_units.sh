#!/usr/bin/env bash
# Speech units by k-means of the frames of a training set: MFCC, or a layer of a trained system.
set -euo pipefail
help_message="Usage: steps/speech_units.sh [options] <training set> <output>
e.g.: steps/speech_units.sh --opts \"--clusters 100\" dump/raw/train exp/ssl_units/train_mfcc_100/units.safetensors
  --system             that --opts names, whose change makes the units anew (none)"
system='' least=2
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

deps=()
[ -z "${system}" ] || mapfile -t deps < <(files_of "${system}" 'valid.*.ave.pth')
folder=$(dirname "$2")
stage once --mark "${folder}/.done" --what units --cmd "${cmd}" --log "${folder}/units.log" --sets "$1" --deps "${deps[@]}" \
    --outputs "$2" -- "${python}" -m toolkit.bin.cluster_frames --output "$2" "${options[@]}" "$1"
