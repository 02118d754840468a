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

die() {
    echo "error: run_line.sh: $*" >&2
    exit 1
}

[ -f "$1" ] || die "$1: no such file"
[[ $2 =~ ^0*[1-9][0-9]{0,8}$ ]] || die "the line must be a whole number from 1 up, got '$2'"
command=$(sed -n "$((10#$2))p" -- "$1" | LC_ALL=C sed $'1s/^\xef\xbb\xbf//; s/\r$//' | tr '\0' '\1')
[ -n "${command}" ] || die "$1: has no command in line $2"
if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' <<<"${command}"; then
    die "$1: line $2 is not a command: it holds a control character"
fi
exec bash -euo pipefail -c "${command}"
