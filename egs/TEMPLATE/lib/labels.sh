# Stages that recognition and intent classification share: sets with a label of each utterance. Sourced by asr.sh and ic.sh.

prepare_labelled() { # stage 1
    prepare_data
    validate "${train_set} ${valid_sets} ${test_sets}"
    check_made data
}

simulate() { # stage 3
    make_plans
    if [ -n "${rendered}${train_rendered}" ]; then render "${rendered} ${train_rendered}"; else log "nothing to simulate"; fi
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
