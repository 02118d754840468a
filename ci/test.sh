#!/usr/bin/env bash
# All tests: installs what they need, lints, runs pytest. --fast: those of mathematics, data and io, and lint of Python.
# Other arguments go to pytest: ci/test.sh test/io -k trials
# --coverage as the first: and writes which lines of toolkit/ were run (not those that only jobs of recipes run) to htmlcov/
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install.sh --extras "demo dev se pretrained vad onnx peers trackio wandb"
if ! command -v chromium >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    # For the tests of pages, which are skipped without it.
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium chromium-driver; } >/dev/null 2>&1 || true
fi
# shellcheck source=tools/activate.sh
. tools/activate.sh
export OMP_NUM_THREADS=1
unset PYTHONDONTWRITEBYTECODE # recipes start the same programs hundreds of times
coverage=()
if [ "${1:-}" = --coverage ]; then
    coverage=(--cov --cov-report=html --cov-report=term:skip-covered)
    shift
fi
# A worker more than cores, for tests of recipes wait for processes. A file's tests share what they have made; files in
# their order, for those of few long tests would come last.
workers=(-n $(($(nproc) + 1)) --dist loadfile --no-loadscope-reorder --max-worker-restart 1)
lint=
if [ $# -eq 0 ]; then
    ci/lint.sh & # beside the tests, which leave a core idle now and then
    lint=$!
    set -- "${workers[@]}"
elif [ "$1" = --fast ]; then
    ruff check .
    ruff format --check .
    set -- "${workers[@]}" -m "fast and not slow" "${@:2}"
fi
status=0
python -m pytest --durations=5 "${coverage[@]}" "$@" || status=$?
if [ -n "${lint}" ] && ! wait "${lint}"; then
    echo "error: lint fails, see above" >&2
    status=1
fi
exit "${status}"
