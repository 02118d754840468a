#!/usr/bin/env bash
# Faults on purpose in the mini recipes: kill -9, a full disk, flipped bits, a clock that jumps, two runs at once.
#   ci/fault_drill.sh                    all cases: hours on 2 cores; started again, it goes on
#   ci/fault_drill.sh kill disk.sv       some cases, by the beginning of their names
#   ci/fault_drill.sh --out test/drill/RESULTS.md    also write the table
# The case of the full disk mounts a tmpfs, as root; it is left out otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x tools/venv/bin/python ] || tools/install.sh
# shellcheck source=tools/activate.sh
. tools/activate.sh
export OMP_NUM_THREADS=1 PYTHONPATH=${PWD}
unset PYTHONDONTWRITEBYTECODE
arguments=()
for word; do
    if [[ ${word} == */* && ${word} != /* ]]; then word=${PWD}/${word}; fi
    arguments+=("${word}")
done
cd test
exec python -m drill "${arguments[@]}"
