# What enhancement and extraction share: sets of mixtures, checks, inference, metrics. Sourced by se.sh and tse.sh, whose
# options are its variables.
# shellcheck shell=bash disable=SC2016,SC2034,SC2046,SC2086,SC2154

mixtures_help=$(cat <<EOF
Data: a set is recordings (wav.scp), or mixtures that local/data.sh has planned (mix.jsonl)
  --train_set, --valid_sets, --test_sets    names of sets in data/
${data_help}
  --planned_test_sets "test_libri2mix"      test sets beside --test_sets, which local/data.sh has planned
Simulation
  --simulate_train_config     planner config; makes <train_set>_sim on disk, which is trained on (default none: mixtures are
                              made on the fly as the training config says)
  --train_copies              mixtures of each training utterance (1)
  --simulate_valid_config     planner config; makes <valid>_sim of each valid set, which ranks the models
  --simulate_test_configs     planner configs conf/simulate_<condition>.yaml; each makes <test>_<condition> of each test set
  --simulate_grid_config      planner config with noises for a grid: <test>_<noise>_<snr> of each of
  --test_noises, --ood_noises, --snrs       kinds of noise, those out of domain, SNRs in dB
EOF
)
metrics_help=$(cat <<'EOF'
                              dnsmos_sig dnsmos_bak dnsmos_ovrl need tools/install.sh --extras dnsmos
  --breakdown                 groups: tables utt2<x> and spk2<x> of the test sets, gender, gender_pair, duration (auto: gender_pair
                              where the genders of the talkers are known)
EOF
)
planned_test_sets='' simulate_train_config='' simulate_valid_config='' simulate_test_configs='' simulate_grid_config=''
inference_model=valid.loss.ave.pth train_streams="wav spk1"

condition_of() { basename "$1" .yaml | sed 's/^simulate_//'; }

is_planned() { [ -f "data/$1/mix.jsonl" ] && [ ! -f "data/$1/wav.scp" ]; }

recorded() { # recorded SETS: those that are recordings
    local set
    for set in $1; do is_planned "${set}" || printf ' %s' "${set}"; done
}

planned() { # planned SETS: those of which local/data.sh has planned the mixtures
    local set
    for set in $1; do ! is_planned "${set}" || printf ' %s' "${set}"; done
}

check_mixture_options() {
    local one
    check_files "${task}_config" "${train_config}" simulate_train_config "${simulate_train_config}" \
        simulate_valid_config "${simulate_valid_config}" simulate_grid_config "${simulate_grid_config}"
    for one in ${simulate_test_configs}; do
        [ -f "${one}" ] || die "--simulate_test_configs ${simulate_test_configs}: ${one}: no such file"
    done
    check_lists planned_test_sets "${planned_test_sets}" simulate_test_configs "${simulate_test_configs}" metrics "${metrics}"
    check_names "${task}_tag" "${tag}"
}

name_sets() {
    local set one
    train_sim=${train_set}${simulate_train_config:+_sim} all_valid='' all_tests=''
    for set in ${valid_sets}; do all_valid+=" ${set}${simulate_valid_config:+_sim}"; done
    for set in ${test_sets}; do
        [ -n "${simulate_test_configs}${simulate_grid_config}" ] || all_tests+=" ${set}"
        for one in ${simulate_test_configs}; do all_tests+=" ${set}_$(condition_of "${one}")"; done
        [ -z "${simulate_grid_config}" ] || all_tests+=$(grid_of "${set}")
    done
    for set in ${planned_test_sets}; do all_tests+=" ${set}"; done
    all_tests=${all_tests# }
    as_they_are=${test_sets} # test sets of which no mixtures are made, which have more tables
    [ -z "${simulate_test_configs}${simulate_grid_config}" ] || as_they_are=''
    exp=${expdir}/${task}_${tag:-$(basename "${train_config}" .yaml)$(tag_of "${train_args}")}
    stats=${expdir}/${task}_stats/${train_sim}
}

check_weights() { # where it is used and not trained by this run, the experiment is there
    check_experiment "${exp}" "${task}"
    if runs_stage 6 || ! { runs_stage 7 || runs_stage 8 || runs_stage 9 || runs_stage 10; }; then return 0; fi
    [ -e "${exp}/${inference_model}" ] ||
        die "${exp}/${inference_model}: no such weights; train first (stage 6), or choose others (--inference_model)"
}

check_configs() { # check_configs [PLANNER CONFIG...]: every key of every config that the stages asked for will read
    local one
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ]; then
        check_training "${task}" "${train_config}" "${train_args}" "${dumpdir}/raw/${train_sim}" "${exp}" \
            $(printf "${dumpdir}/raw/%s " ${all_valid})
    fi
    if runs_stage 8; then
        later "--metrics ${metrics}: see above" score_audio --metrics ${metrics} --check
        check_breakdown data "${as_they_are}" auto gender_pair
    fi
    if [ "${stage}" -le 3 ]; then
        for one in ${simulate_train_config} ${simulate_valid_config} ${simulate_test_configs} "$@"; do check_plan "" "${one}"; done
        [ -z "${simulate_grid_config}" ] || check_grid "${simulate_grid_config}"
    fi
    run_checks "${exp}"
    [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ] || return 0
    one=$(answer_of fs)
    [ "${one}" = "${fs}" ] || die "--fs ${fs}, but the network of ${train_config} is for ${one} Hz: give --fs ${one}, or" \
        "--${task}_args \"--model.init_args.fs ${fs}\" (and frames and hops of as many seconds)"
}

# plan_mixtures MORE TRAIN_OPTIONS TEST_OPTIONS: stage 3; MORE are sets whose plans are queued before
plan_mixtures() {
    local set one
    rendered="$(planned "${valid_sets} ${test_sets}")${planned_test_sets:+ ${planned_test_sets}}$1" made=$1
    [ -z "${simulate_train_config}" ] ||
        plan "${simulate_train_config}" "${train_set}" "${train_sim}" --copies "${train_copies}" $2
    for set in ${valid_sets}; do
        [ -n "${simulate_valid_config}" ] || continue
        plan "${simulate_valid_config}" "${set}" "${set}_sim" $3
        made+=" ${set}_sim"
    done
    for set in ${test_sets}; do
        for one in ${simulate_test_configs}; do
            plan "${one}" "${set}" "${set}_$(condition_of "${one}")" $3
            made+=" ${set}_$(condition_of "${one}")"
        done
        [ -n "${simulate_grid_config}" ] || continue
        plan_grid "${simulate_grid_config}" "${set}" $3
        made+=$(grid_of "${set}")
    done
    rendered+=${made#"$1"}
    make_plans "${made} ${simulate_train_config:+${train_sim}}"
}

render_mixtures() {
    if [ -n "${simulate_train_config}" ] || is_planned "${train_set}"; then render "${train_sim}" --streams "${train_streams}"; fi
    if [ -n "${rendered}" ]; then render "${rendered}" --streams all; else log "nothing more to simulate"; fi
}

# infer FOLDER SETS OPTIONS [SETS THAT IT DEPENDS ON]: audio of sets into <exp>/FOLDER
infer() {
    local marks='' set
    for set in ${4:-}; do marks+=" $(compgen -G "${set}/.done.*" || true)"; done
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --deps "${marks}" --opts "--trust $3" \
        "${task}" "${exp}" "${dumpdir}/raw" "${exp}/$1" $2
}

# measure FOLDER SETS METRICS [OPTIONS [DEPS]]: <exp>/FOLDER into <exp>/metrics<_x> and <exp>/scores<_x>
measure() {
    local suffix=${1#"${output_name}"} words=()
    if [ -n "$3" ] && [ "$3" != residual_energy ]; then words=(--mixtures "${expdir}/mixture_metrics/${3// /+}"); fi
    [[ " ${4:-} " != *" --absent "* ]] || words+=(--interferers false) # none is more wrong than the target then
    "${steps}/score_audio.sh" "${decode_step[@]}" --metrics "$3" "${words[@]}" --breakdown "${breakdown}" --resamples "${resamples}" \
        --deps "${5:-}" --opts "${4:-}" "${dumpdir}/raw" "${exp}/$1" "${exp}/metrics${suffix}" "${exp}/scores${suffix}" $2
}

report_all() {
    local others
    others=$(compgen -G "${expdir}/${task}_*/results.json" | LC_ALL=C sort || true)
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --tables '/^## /,${/^## Every/q;p}' \
        --opts "--data_root ${dumpdir}/raw --outputs ${output_name} ${ood_noises:+--ood ${ood_noises}}" \
        "${exp}" $(others_of "${exp}" ${others})
}
