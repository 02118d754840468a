# What only asr.sh does: checks of its options, names of sets, units and folders. Sourced by asr.sh.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154

check_asr_options() {
    train_config=${asr_config} tag=${asr_tag} metrics=''
    case "${token_type}" in bpe | char) ;; *) die "--token_type ${token_type}: must be bpe or char" ;; esac
    check_counts nbpe "${nbpe}"
    check_names inference_tag "${inference_tag}"
    [ -z "${breakdown}" ] || die "--breakdown ${breakdown}: recognition has no groups; leave it out"
    check_mixture_options
    [ "${token_type}" = bpe ] || nbpe=''
}

# name_asr: what stages read and write. Test sets are scored as they are, too. Units lie beside the experiments that use them.
name_asr() {
    local kind=${token_type}${nbpe}
    train_args=${asr_args} tag=${asr_tag:-$(basename "${asr_config}" .yaml)_${kind}$(tag_of "${asr_args}")}
    name_sets
    speech_sets=$(recorded "${train_set} ${valid_sets} ${test_sets}")
    [ -z "${simulate_test_configs}${simulate_grid_config}" ] || all_tests="${test_sets} ${all_tests}"
    search=${inference_tag:+_${inference_tag}}
    units=${expdir}/asr_units/${train_set}_${kind}
    train_deps=${units}/units.model
    name_units
}

# name_units: the options of training that units give; how many characters there are, only their file tells.
name_units() {
    local number=${nbpe}
    [ ! -f "${units}/units.vocab" ] || number=$(wc -l <"${units}/units.vocab")
    train_args="${asr_args} --units ${units}/units.model ${number:+--model.init_args.num_units ${number}}"
}

check_asr_configs() { # before any work: every key of every config that the stages asked for will read
    local one
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ]; then
        check_training asr "${asr_config}" "${train_args}" "${dumpdir}/raw/${train_sim}" "${exp}" \
            $(printf "${dumpdir}/raw/%s " ${all_valid})
    fi
    if runs_stage 7; then later "--inference_args ${inference_args}: see above" transcribe_audio --model "${exp}" ${inference_args} --check; fi
    if [ "${stage}" -le 3 ]; then
        for one in ${simulate_train_config} ${simulate_valid_config} ${simulate_test_configs}; do check_plan "" "${one}"; done
        [ -z "${simulate_grid_config}" ] || check_grid "${simulate_grid_config}"
    fi
    run_checks "${exp}"
    [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ] || return 0
    one=$(answer_of fs)
    [ "${one}" = "${fs}" ] || die "--fs ${fs}, but ${asr_config} is for ${one} Hz: give --fs ${one}, or --asr_args" \
        "\"--frontend.init_args.fs ${fs}\""
}

validate_text() { # validate_text SET: data/SET, with its transcripts
    local text=data/$1/text without
    if ! "${dry_run}"; then
        [ -f "${text}" ] || die "${text}: not found; local/data.sh must write the transcripts, a line '<utterance> <words>' each"
        without=$(awk 'NF < 2 { print $1 }' "${text}")
        [ -z "${without}" ] || die "${text}: $(counted "$(wc -l <<<"${without}")" utterance) without words:" \
            "$(head -n 5 <<<"${without}" | paste -sd ' '); add the words, or remove the lines and run utils/fix_data_dir.sh data/$1"
    fi
    validate "$1"
}

render_noisy() { # what hears mixtures needs no other stream
    local sets=${rendered}
    if [ -n "${simulate_train_config}" ] || is_planned "${train_set}"; then sets+=" ${train_sim}"; fi
    if [ -n "${sets// /}" ]; then render "${sets}"; else log "nothing to simulate"; fi
}
