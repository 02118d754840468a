# Sourced: puts the toolkit's Python first on the PATH. Without tools/venv the Python that is active serves.
# shellcheck shell=bash
_voxsift_tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -x "${_voxsift_tools}/venv/bin/python3" ]; then
    export VIRTUAL_ENV="${_voxsift_tools}/venv"
    export PATH="${VIRTUAL_ENV}/bin:${PATH}"
fi
