#!/usr/bin/env bash
# Run one line of a file of commands.
set -euo pipefail

if [ $# -ne 2 ]; then
    cat >&2 <<'EOF'
Usage: run_line.sh <file> <n>
Runs line n of the file, a shell command; so a job array can run commands that have nothing but a list in common.
e.g.: run.pl JOB=1:7 logs/score.JOB.log utils/run_line.sh logs/commands JOB
EOF
    exit 1
fi

[ -f "$1" ] || { echo "error: $1: no such file" >&2; exit 1; }
command=$(sed -n "${2}p" "$1")
if [ -z "${command}" ]; then
    echo "error: $1: has no command in line $2" >&2
    exit 1
fi
exec bash -euo pipefail -c "${command}"
