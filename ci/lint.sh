#!/usr/bin/env bash
# Lint: ruff and mypy on Python, shellcheck on shell (where it is installed), shared files of recipes that must be links.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/activate.sh
. tools/activate.sh

ruff check .
ruff format --check .
python3 -m mypy

mapfile -t scripts < <(git ls-files '*.sh' | while read -r file; do [ -L "${file}" ] || echo "${file}"; done)
if ! command -v shellcheck >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends shellcheck; } >/dev/null 2>&1 || true
fi
if command -v shellcheck >/dev/null; then
    shellcheck --external-sources "${scripts[@]}"
else
    echo "lint: shellcheck is not installed, shell scripts are not checked (apt-get install shellcheck)" >&2
fi

for recipe in egs/*/*/; do
    case "${recipe}" in egs/TEMPLATE/* | egs/conf/* | */__pycache__/) continue ;; esac
    for shared in path.sh cmd.sh db.sh steps conf/slurm.conf utils; do
        [ -L "${recipe}${shared}" ] || { echo "error: ${recipe}${shared} must be a link (egs/TEMPLATE/setup.sh)" >&2; exit 1; }
    done
done
