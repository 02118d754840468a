# Stages that tasks with labels of utterances share: transcripts, intents, units. Sourced by asr.sh, ic.sh and ssl.sh.

prepare_sets() { # prepare_sets [OPTIONS of simulate.sh]: stages 1 to 3
    local sets="${train_set} ${valid_sets} ${test_sets}"
    if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
        prepare_data
        validate "${sets}"
        check_made data
    fi
    if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then format_all "${sets}"; fi
    if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
        make_plans
        if [ -n "${rendered}${train_rendered}" ]; then
            render "${rendered} ${train_rendered}" "$@"
        else
            log "nothing to simulate"
        fi
    fi
}

train_labelled() { # train_labelled [DEPS]: stage 6
    train "${dumpdir}/raw/${train_sim}" "$(printf "${dumpdir}/raw/%s " ${all_valid})" "$@"
}

infer_labels() { # infer_labels [OPTIONS]: stage 7
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust $*" \
        "${task}" "${exp}" "${dumpdir}/raw" "${labels}" ${all_tests}
}

score_labels() { # stage 8
    "${steps}/score_labels.sh" "${plain_step[@]}" --resamples "${resamples}" \
        "${task}" "${dumpdir}/raw" "${labels}" "${scores}" ${all_tests}
}
