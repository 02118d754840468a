# Sourced by local/data.sh: where the corpora are. Set CORPORA to the folder that holds your downloads, or edit the line of a
# corpus in db.d/<corpus>.sh. A new corpus is a new file there. An empty value means "not here": the recipe that needs it
# says so.
# shellcheck disable=SC1090
CORPORA=${CORPORA:-downloads}

for db_part in "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"/db.d/*.sh; do
    . "${db_part}"
done
unset db_part
