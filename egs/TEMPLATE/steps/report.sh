#!/usr/bin/env bash
# Tables, plots and pages of an experiment, and a table over all.
set -euo pipefail
help_message="Usage: steps/report.sh [options] <experiment> [<other experiment>...]
e.g.: steps/report.sh --results exp/RESULTS.md exp/sv_x exp/mean_fbank
  --results            table over all experiments (RESULTS.md beside the experiments)
  --tables             sed script that prints the tables to show of it (none)"
results='' tables='' least=1
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

exp=$1 root=$(dirname "$1")
results=${results:-${root}/RESULTS.md}
words=(--expdir "${exp}")
[ $# -eq 1 ] || words+=(--compare "${@:2}")
kept=() # beside a table that is published: what it is made of
if [ "${results}" != "${root}/RESULTS.md" ]; then
    name=$(basename "${results}" .md)
    kept=("$(dirname "${results}")/${name,,}.json")
    words+=(--archive "${kept[0]}")
fi
stage once --mark "${exp}/.done.report" --what report --code toolkit.report toolkit.tasks toolkit.metrics \
    --outputs "${root}" "${results}" "${kept[@]}" -- \
    "${python}" -m toolkit.bin.report "${words[@]}" --recipe_results "${results}" "${options[@]}"
if "${dry_run}"; then exit 0; fi
log "tables: ${exp}/RESULTS.md and ${results}; page: ${exp}/report.html (in ${PWD})"
[ -z "${tables}" ] || sed -n "${tables}" "${results}"
