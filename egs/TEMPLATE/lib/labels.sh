# Stages that tasks with labels of utterances share: transcripts, intents, units. Sourced by asr.sh, ic.sh and ssl.sh.

infer_labels() { # infer_labels [OPTIONS [DEPS]]: stage 7
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --deps "${2:-}" --opts "--trust ${1:-}" \
        "${task}" "${exp}" "${dumpdir}/raw" "${labels}" ${all_tests}
}

score_labels() { # stage 8
    "${steps}/score_labels.sh" "${plain_step[@]}" --resamples "${resamples}" \
        "${task}" "${dumpdir}/raw" "${labels}" "${scores}" ${all_tests}
}
