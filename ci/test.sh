#!/usr/bin/env bash
# All tests: installs what they need, lints, runs pytest. Arguments go to pytest: ci/test.sh test/io -k trials
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install.sh --extras "dev se"
# shellcheck source=tools/activate.sh
. tools/activate.sh
export OMP_NUM_THREADS=1
if [ $# -eq 0 ]; then
    ci/lint.sh
    set -- -n auto --dist loadfile # a file's tests share what they have made
fi
exec python -m pytest --durations=5 "$@"
