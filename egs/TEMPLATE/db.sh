# Sourced by local/data.sh: where the corpora are, as exported variables. Set CORPORA to the folder that holds your downloads,
# or edit the line of a corpus in db.d/<corpus>.sh. A new corpus is a new file there. An empty value means that the corpus is
# missing; the recipe that needs it names it.
# shellcheck disable=SC1090
set -a
CORPORA=${CORPORA:-downloads}
for db_part in "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"/db.d/*.sh; do
    . "${db_part}"
done
set +a
unset db_part
