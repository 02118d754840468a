#!/usr/bin/env bash
# Run a command unless it has finished before.
set -euo pipefail

if [ $# -lt 2 ]; then
    cat >&2 <<'EOF'
Usage: run_once.sh <marker> <command> [<args> ...]
Runs the command; when it succeeds, makes the file <marker>. When <marker> is there already, does nothing.
e.g.: run_once.sh logs/done.1 python -m toolkit.bin.format_audio --job 1 ...
EOF
    exit 1
fi

marker=$1
shift
if [ -f "${marker}" ]; then
    echo "done before (${marker}): $*"
    exit 0
fi
"$@"
touch "${marker}"
