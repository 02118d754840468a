# The opening of a task script, which sets ${task}: what it is made of, its options, the names that follow from them.
# Sourced by the task scripts.
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps

. "${template}/lib/run.sh"
. "${template}/lib/stages.sh"

start_run "$@"
begin_run "$@"
