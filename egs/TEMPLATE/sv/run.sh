#!/usr/bin/env bash
# Speaker verification on your own corpus: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"
set -euo pipefail
cd "$(dirname "$0")"

# given FOLDER SET WORDS: is there such a folder in this command, or did stage 1 make its set from it the last time?
given() {
    [[ "$3" == *"--$1"* ]] || { [[ "$3" != *--speech* ]] && [ -d "data/$2" ]; }
}

config=train_ecapa noises='' sounds='' rooms=''
for kind in noise music; do
    if given "${kind}" "${kind}_train" "$*"; then
        config+=_${kind} noises+=" ${kind}" sounds+=" ${kind}_train ${kind}_test"
    fi
done
if given rooms rirs_train "$*"; then config+=_rooms rooms=rirs_train; fi

exec ./sv.sh \
    --train_set train --valid_sets valid --test_sets test \
    --extra_sets "${sounds# }" --room_sets "${rooms}" \
    --simulate_test_config conf/simulate_test.yaml --test_noises "${noises# }" \
    --sv_config "conf/${config}.yaml" \
    "$@"
