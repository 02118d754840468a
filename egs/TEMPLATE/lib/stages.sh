# Work of stages that the tasks share. Sourced by the task scripts, whose options and names are its variables.

# prepare_data: stage 1; local/data.sh, which plans mixtures, has fs and dumpdir in its environment. Notes the tables that
# it writes, so that stage 2 may run the commands in them.
prepare_data() {
    local words=()
    if "${dry_run}"; then
        note "local/data.sh ${local_data_opts}"
        return
    fi
    mkdir -p data
    if ! [ -f data/.stage_1 ]; then # one that was killed counts too
        touch data/.stage_1
        sleep 0.02 # clocks of file systems tick slowly
    fi
    [ -z "${local_data_words}" ] || mapfile -t words <<<"${local_data_words}"
    fs=${fs} dumpdir=${dumpdir} local/data.sh "${words[@]}"
    find data/ -mindepth 2 -maxdepth 2 -name wav.scp -cnewer data/.stage_1 -exec sha256sum {} + >>data/.made
    rm -f data/.stage_1
}

is_planned() { [ -f "data/$1/mix.jsonl" ] && [ ! -f "data/$1/wav.scp" ]; } # by local/data.sh

recorded() { # recorded SETS: those that are recordings
    local set
    for set in $1; do is_planned "${set}" || printf ' %s' "${set}"; done
}

validate() { # validate SETS [options]: data/<set>; missing recordings are left to stage 2 where some may be bad
    local set without=()
    [ "${allow_bad}" -eq 0 ] || without=(--no-wav-check)
    for set in $(recorded "$1"); do
        act utils/validate_data_dir.sh --no-feats --no-text "${without[@]}" "${@:2}" "data/${set}"
    done
}

# pipes_of SETS: --allow_pipes, where local/data.sh has written all commands in the sets' tables.
pipes_of() {
    local set option=''
    for set in $1; do
        if grep -qs '|[[:space:]]*$' "data/${set}/wav.scp"; then
            grep -qsxF "$(sha256sum "data/${set}/wav.scp")" data/.made || return 0
            option=--allow_pipes
        fi
    done
    echo "${option}"
}

format_sets() { # format_sets SETS [options of format.sh]
    [ -z "${1// /}" ] || "${steps}/format.sh" "${data_step[@]}" --fs "${fs}" --channel "${channel}" --allow_bad "${allow_bad}" \
        "${@:2}" --opts "$(pipes_of "$1") ${format_opts}" data "${dumpdir}/raw" $1
}

format_all() { # format_all SPEECH_SETS: stage 2
    format_sets "${extra_sets}" --trim_zeros true
    # Published mixtures are of all their samples and resampled so; a mixture is rounded once.
    format_sets "${source_sets}" --resampler polyphase --bits 24
    format_sets "${room_sets}" --min_seconds 0.001
    format_sets "$(recorded "$1")" --min_seconds "${min_wav_duration}" --max_seconds "${max_wav_duration}"
}

make_plans() { # data/<set>/mix.jsonl
    "${python}" -m toolkit.bin.recipe plan "${task}" "${arguments[@]}"
}

render() { # render SETS [--streams "STREAM ..."]: data/<set>/mix.jsonl -> dump/raw/<set>
    # In a dry run no plan is made, and new recordings make new ones.
    if "${dry_run}" && [ -s "${VOXSIFT_REMADE}" ]; then remade $(printf 'data/%s ' $1); fi
    "${steps}/simulate.sh" "${data_step[@]}" "${@:2}" data "${dumpdir}/raw" $1
}

# prepare_sets [OPTIONS of simulate.sh]: stages 1 to 3; rendered training sets have the streams that training needs
prepare_sets() {
    local sets="${train_set} ${valid_sets} ${test_sets}"
    if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
        prepare_data
        validate "${sets}"
        validate "${real_sets:-}" --require-streams enroll_spk1
        check_made data
    fi
    if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then format_all "${sets} ${real_sets:-}"; fi
    if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
        make_plans
        [ -z "${train_rendered}" ] || render "${train_rendered}" --streams "${train_streams}"
        if [ -n "${rendered}" ]; then render "${rendered}" "$@"; else log "nothing more to simulate"; fi
    fi
}

make_stats() { # make_stats TRAIN_DIR [DEPS]: stage 5
    "${steps}/stats.sh" "${data_step[@]}" --opts "${train_args}" --deps "${sounds} ${2:-}" \
        "${task}" "${train_config}" "$1" "${stats}"
}

train() { # train TRAIN_DIR VALID_DIRS [DEPS]: stage 6
    if "${dry_run}"; then
        note "training: ${trained:-to do}"
        [[ "${trained}" == "all done before"* ]] || remade "${exp}"
    fi
    "${steps}/train.sh" --cmd "${cuda_cmd}" "${plain_step[@]}" --ngpu "${ngpu}" --num_nodes "${num_nodes}" \
        --weights "${inference_model}" --opts "${train_args}" --deps "${sounds} ${3:-}" "${task}" "${train_config}" "$1" "${exp}" $2
}

train_sets() { # train_sets [DEPS]: as train, of formatted sets
    train "${dumpdir}/raw/${train_sim}" "$(printf "${dumpdir}/raw/%s " ${all_valid})" "$@"
}

enhance_audio() { # enhance_audio SE_EXP OUT_ROOT SETS
    "${steps}/infer.sh" "${decode_step[@]}" --name enhance --depends_on valid.loss.ave.pth --opts "${trusted}" \
        se "$1" "${dumpdir}/raw" "$2" $3
}

enhance_embeddings() { # enhance_embeddings EE_EXP IN_ROOT OUT_ROOT SETS OPTIONS
    "${steps}/infer.sh" --cmd "${decode_cmd}" --nj 1 "${plain_step[@]}" --name embed --stems embedding \
        --depends_on valid.distance.ave.pth --opts "$5" ee "$1" "$2" "$3" $4
}

# others_of EXPDIR FILE...: the folders of these files, other than EXPDIR
others_of() {
    [ $# -gt 1 ] || return 0
    printf '%s\n' "${@:2}" | xargs -r -d '\n' dirname | awk -v own="$1" '$0 != own && !seen[$0]++'
}

scored() { # of folders of experiments, a line each, those with scores of trials
    while read -r folder; do
        ! compgen -G "${folder}/scores*/*/metrics.json" >/dev/null || echo "${folder}"
    done
}

report_trials() { # report_trials FILE...: stage 9 of a verifier, beside the systems of these files
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --tables '/^## EER/,/^## Every/{/^## Every/!p}' \
        --opts "--scores scores${scores_tag} ${ood_noises:+--ood ${ood_noises}}" "${exp}" $(others_of "${exp}" "$@" | scored)
}

report_task() { # report_task [options]: stage 9, beside the other experiments of the task
    local others
    others=$(compgen -G "${expdir}/${task}_*/results.json" | LC_ALL=C sort || true)
    # shellcheck disable=SC2016
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --tables '/^## /,${/^## Every/q;p}' \
        --opts "$* ${ood_noises:+--ood ${ood_noises}}" "${exp}" $(others_of "${exp}" ${others})
}

pack() { # pack [options]: stage 10
    "${steps}/pack.sh" "${plain_step[@]}" "$@" "${exp}"
}
