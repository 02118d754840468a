#!/usr/bin/env bash
# Mixtures of plans (mix.jsonl, by toolkit.bin.simulate_plan) to FLAC in arks.
set -euo pipefail
help_message="Usage: steps/simulate.sh [options] <data> <dump/raw> <set>...
e.g.: python -m toolkit.bin.simulate_plan --config conf/simulate_valid.yaml --data dump/raw/dev --out_root data --name dev_sim
      steps/simulate.sh --streams \"wav spk1\" data dump/raw dev_sim
  --streams \"wav\"      which to keep of a mixture: wav spk1 noise1 ..., or all (wav)"
streams='' least=3
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

read -ra stems <<<"${streams:-wav}"
stage sets --name render --cmd "${cmd}" --nj "${nj}" --in_root "$1" --out_root "$2" --sets "${@:3}" --stems "${stems[@]}" -- \
    "${python}" -m toolkit.bin.simulate_render ${streams:+--streams "${stems[@]}"} "${options[@]}"
