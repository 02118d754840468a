#!/usr/bin/env bash
# SUPERB's probe of speaker verification on speechocean762, or VoxCeleb1: sets and configs. All options: ./run.sh --help
# VoxCeleb1: ./run.sh --corpus voxceleb1 (the first option)
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=egs/superb/probe.sh
. ../probe.sh
probe_corpus=speechocean762
if [ "${1:-}" = --corpus ] && [ $# -gt 1 ]; then probe_corpus=$2 && shift 2; fi
case ${probe_corpus} in
    speechocean762) sets=(--valid_sets dev --test_sets test) ;;
    voxceleb1) sets=(--valid_sets valid --test_sets voxceleb1_o --max_wav_duration 150 --calibrate false) ;;
    *) echo "error: --corpus ${probe_corpus}: must be speechocean762 or voxceleb1" >&2 && exit 1 ;;
esac
export probe_corpus # for local/data.sh
probe sv "$@"

exec ./sv.sh \
    --train_set train "${sets[@]}" --floor_config "" \
    "${probe[@]}" "${others[@]}"
