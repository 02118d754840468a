# Inference and scoring of audio, for enhancement and extraction. Sourced by se.sh and tse.sh.

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

# --downstream on the mixtures, on the outputs, and on clean speech; the first and the last belong to no experiment, so all
# share their scores
score_downstream() {
    local kind name system output outputs=${output_name}
    outputs+=${observations:+$(printf " ${output_name}_beta%s" ${observations})}
    score_clean
    while read -r kind name system <&3; do
        describe "${system}" "${expdir}/downstream/${name}"
        hear "${dumpdir}/raw" "${expdir}/downstream/${name}/noisy"
        for output in ${outputs}; do hear "${exp}/${output}" "${exp}/downstream/${name}/${output}"; done
        hear clean "${expdir}/downstream/${name}/clean"
    done 3<<<"${downstream_kinds}"
}

score_clean() { # DNSMOS of clean speech, which needs no reference
    local clean=${expdir}/downstream/clean_audio names
    names=$(grep -o 'dnsmos_[a-z]*' <<<"${metrics}" | paste -sd ' ') || return 0
    distinct_audio "${dumpdir}/raw" "${clean}" ${all_tests}
    "${steps}/score_audio.sh" "${decode_step[@]}" --metrics "${names}" --interferers false --breakdown '' --resamples "${resamples}" \
        "${clean}" "${clean}" "${clean}/metrics" "${clean}/scores" distinct
}

describe() { # describe SYSTEM FOLDER: what reports tell of it
    if "${dry_run}"; then return 0; fi
    once "$2/.done.facts" "facts of $1" "" "$([ ! -e "$1" ] || files_of "$1" config.yaml)" "$2/system.json" \
        "${python}" -m toolkit.bin.downstream --systems "$1" --facts "$2/system.json"
}

hear() { # hear AUDIO OUTPUT: one system on the test sets
    "${steps}/score_downstream.sh" "${decode_step[@]}" --resamples "${resamples}" --trust "${trust}" \
        "${kind}" "${system}" "${dumpdir}/raw" "$1" "$2" ${all_tests}
}

report_audio() { # stage 9
    report_task --data_root "${dumpdir}/raw" --outputs "${output_name}"
}
