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
die() {
    echo "error: run_once.sh: $*" >&2
    exit 1
}
[ -n "${marker}" ] || die "the name of the marker is empty"
for file in "${marker}" "${marker}.lock"; do
    if [ -e "${file}" ] && [ ! -f "${file}" ]; then die "${file}: is not a file"; fi
done
if [ "$(type -t -- "$1")" != builtin ]; then
    program=$(type -P -- "$1") || die "$1: no such command"
    if [ ! -f "${program}" ] || [ ! -x "${program}" ]; then die "$1: is not a program"; fi
fi
# The command inherits the lock, which is held until the last process with it has ended.
{ exec 9>"${marker}.lock"; } 2>/dev/null || die "${marker}.lock: cannot be written; its folder must exist"
# Perl has flock even on machines without the program flock. Some file systems have no locks.
perl -e '
    use Errno qw(EWOULDBLOCK);
    use Fcntl qw(:flock);
    open(my $lock, ">>&=", 9) or exit 0;
    exit 0 if flock($lock, LOCK_EX | LOCK_NB) || $! != EWOULDBLOCK;
    $| = 1;
    print "waiting for an earlier copy, which still runs: @ARGV\n";
    flock($lock, LOCK_EX);' "$@"
if [ -f "${marker}" ]; then
    echo "done before (${marker}): $*"
    exit 0
fi
"$@"
touch -- "${marker}"
