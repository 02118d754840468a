# Metrics of what se.sh and tse.sh make: sourced by signal.sh.
# shellcheck shell=bash disable=SC2154

# interferers_of SET: the streams of its other talkers, spk2 ...
interferers_of() {
    (cd "${dumpdir}/raw/$1" && find . -name 'spk[0-9]*.scp' ! -name spk1.scp | sed 's/^[.]\///; s/[.]scp$//' | sort -V | paste -s -d ' ')
}

# measure FOLDER METRICS [options]: scores of <exp>/FOLDER into <exp>/metrics<suffix> and <exp>/scores<suffix>
measure() {
    local folder=$1 wanted=$2 suffix=${1#"${output_name}"} set streams sets
    shift 2
    "${dry_run}" || rm -f "${exp}/metrics${suffix}/summary.log" # of an earlier run
    if [[ " $* " == *" --absent "* ]]; then # an interferer is no more wrong than the target then
        measure_sets "${all_tests# }" "${breakdown//gender_pair/}" "$@"
        return
    fi
    for set in ${all_tests}; do
        if "${dry_run}" && { [ ! -d "${dumpdir}/raw/${set}" ] || is_remade "${dumpdir}/raw/${set}"; }; then
            note "scores of ${folder}: to do, of ${all_tests# }"
            return
        fi
    done
    # Not behind a pipe: a subshell has no locks.
    while read -r streams; do
        sets=$(for set in ${all_tests}; do [ "$(interferers_of "${set}")" != "${streams}" ] || printf ' %s' "${set}"; done)
        if [ -n "${streams}" ]; then
            # shellcheck disable=SC2086
            measure_sets "${sets# }" "${breakdown}" --interferer ${streams} "$@" </dev/null
        else
            measure_sets "${sets# }" "${breakdown//gender_pair/}" "$@" </dev/null # alone, a talker makes no pair
        fi
    done < <(for set in ${all_tests}; do interferers_of "${set}"; done | sort -u)
}

measure_sets() { # measure_sets SETS BREAKDOWN [options of score_audio]; other variables are those of measure
    local sets=$1 groups=$2 set file references='' mixtures=()
    shift 2
    [ -n "${sets}" ] || return 0
    if [ "${groups}" = auto ]; then
        groups=gender_pair
        for set in ${sets}; do [ -f "${dumpdir}/raw/${set}/spk2gender" ] && [ "${1:-}" = --interferer ] || groups=; done
    fi
    for set in ${sets}; do
        for file in "${dumpdir}/raw/${set}"/.done.*; do references+=" ${file}"; done
    done
    # The mixtures are the same whoever makes something of them: scored once.
    if [ -n "${wanted}" ] && [ "${wanted}" != residual_energy ]; then
        mixtures=(--input_scores "${expdir}/mixture_metrics/${wanted// /+}")
        run_jobs --name score --cmd "${decode_cmd}" --nj "${inference_nj}" --in_root "${dumpdir}/raw" \
            --out_root "${mixtures[1]}" --sets "${sets}" --deps "${references}" -- \
            "${python}" -m toolkit.bin.score_audio --metrics "${wanted}" --ref_root "${dumpdir}/raw"
        for set in ${sets}; do references+=" ${mixtures[1]}/${set}/.done.score"; done
    fi
    if [[ " $* " == *" --sv_exp "* ]]; then references+=" $(files_of "${sv_exp}" valid.eer.ave.pth)"; fi
    run_jobs --name score --cmd "${decode_cmd}" --nj "${inference_nj}" --in_root "${exp}/${folder}" \
        --out_root "${exp}/metrics${suffix}" --sets "${sets}" --deps "${references}" -- \
        "${python}" -m toolkit.bin.score_audio --metrics "${wanted:-similarity}" --ref_root "${dumpdir}/raw" --input wav \
        "${mixtures[@]}" "$@"
    if "${dry_run}"; then return 0; fi
    # shellcheck disable=SC2086
    "${python}" -m toolkit.bin.summarise_audio --in_root "${exp}/metrics${suffix}" --data_root "${dumpdir}/raw" \
        --out_root "${exp}/scores${suffix}" --sets ${sets} --resamples "${resamples}" ${groups:+--breakdown ${groups}} \
        >>"${exp}/metrics${suffix}/summary.log" || die "no summary of ${exp}/metrics${suffix}: see above"
}
