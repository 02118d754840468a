#!/usr/bin/env bash
# Run a command unless it has finished before.
set -euo pipefail

if [ $# -lt 2 ]; then
    cat >&2 <<'EOF'
Usage: run_once.sh <marker> <command> [<args> ...]
Runs the command; when it succeeds, makes the file <marker>. When <marker> is there already, does nothing. A copy that
an interrupted run left behind is waited for (lock on <marker>.lock), so two never write the same files.
e.g.: run_once.sh logs/done.1 python -m toolkit.bin.format_audio --job 1 ...
EOF
    exit 1
fi

marker=$1
shift
# The command inherits the lock; it is freed when the last process that holds it ends, however it ends.
exec 9>"${marker}.lock"
if command -v flock >/dev/null && ! flock -n 9; then
    echo "waiting for an earlier copy, which still runs: $*"
    flock 9
fi
if [ -f "${marker}" ]; then
    echo "done before (${marker}): $*"
    exit 0
fi
"$@"
touch "${marker}"
