#!/usr/bin/env bash
# Statistics of a training set; every recording is read once.
set -euo pipefail
help_message="Usage: steps/stats.sh [options] <task> <training config> <training set> <output>
e.g.: steps/stats.sh sv conf/train_ecapa.yaml dump/raw/train exp/sv_stats/train
  --deps \"...\"         further files on which they depend: marks of the noises"
deps='' least=4
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

stage once --mark "$4/.done" --what statistics --cmd "${cmd}" --log "$4/stats.log" --sets "$3" --deps "$2" ${deps} -- \
    "${python}" -m toolkit.bin.statistics "$1" --config "$2" --train_dir "$3" --output "$4" "${options[@]}"
"${dry_run}" || grep -F "$4: " "$4/stats.log" || true
