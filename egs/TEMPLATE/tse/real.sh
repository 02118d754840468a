# Recordings without targets (--real_sets). Sourced by tse.sh.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154

real_verifier=${template}/conf/ge2e.yaml # without --sv_exp

check_real() { # before any work
    local set metrics
    check_lists real_sets "${real_sets}" real_metrics "${real_metrics}"
    for set in ${real_sets}; do
        [[ " ${train_set} ${valid_sets} ${test_sets} ${extra_sets} ${room_sets} " != *" ${set} "* ]] ||
            die "--real_sets ${real_sets}: ${set} is another set of this run; choose another name"
        [ "${stage}" -eq 1 ] || [ "${stage}" -gt 2 ] || [ -d "data/${set}" ] ||
            die "--real_sets ${real_sets}: data/${set} not found; its files: wav.scp enroll_spk1.scp utt2spk spk2utt"
        [ "${stage}" -eq 1 ] || [ "${stage}" -gt 2 ] || [ -f "data/${set}/enroll_spk1.scp" ] ||
            die "--real_sets ${real_sets}: data/${set}/enroll_spk1.scp not found; lines '<utterance> <another recording of its speaker>'"
    done
    if [ -z "${real_sets}" ] || ! runs_stage 8; then return 0; fi
    metrics=$(for set in ${real_sets}; do real_metrics_of "${set}"; done)
    [ -z "${metrics//[[:space:]]/}" ] || later "--real_metrics ${real_metrics}: see above" score_audio --metrics ${metrics} --check --no_reference
    [ "${stage}" -eq 1 ] || [[ "${real_metrics}" != *timing_* ]] || [[ "${metrics}" == *timing_* ]] ||
        die "--real_metrics ${real_metrics}: no set of ${real_sets} has an rttm, which timing needs"
    if measures_similarity && [ -z "${sv_exp}" ]; then
        later "--real_sets: name another verifier by --sv_exp, or leave similarity out of --real_metrics" \
            check_network sv --config "${real_verifier}"
    fi
}

measures_similarity() { [[ " ${real_metrics/#auto/similarity} " == *" similarity "* ]]; }

real_metrics_of() { # real_metrics_of SET: those of score_audio, a line; of a set without rttm none of timing
    local metric auto="timing_f1 timing_precision timing_recall" wanted=''
    [ "${fs}" -ne 16000 ] || auto+=" dnsmos_sig dnsmos_bak dnsmos_ovrl"
    for metric in ${real_metrics/#auto/${auto}}; do
        case ${metric} in
            similarity) ;;
            timing_*) [ ! -f "data/$1/rttm" ] && [ ! -f "${dumpdir}/raw/$1/rttm" ] || wanted+=" ${metric}" ;;
            *) wanted+=" ${metric}" ;;
        esac
    done
    echo "${wanted# }"
}

measure_real() {
    local set metrics sets breakdown='' verifier=${sv_exp} words='' files=''
    [ -n "${real_sets}" ] || return 0
    if measures_similarity; then
        if [ -z "${verifier}" ]; then
            verifier=${expdir}/ge2e
            make_system "${real_verifier}" "${verifier}"
            if [ ! -d "${verifier}" ]; then
                note "scores of extracted_real: to do, of ${real_sets}"
                return
            fi
        fi
        words="--sv_exp ${verifier} ${trusted[*]}" files=$(files_of "${verifier}" valid.eer.ave.pth)
    fi
    while read -r metrics; do
        sets=$(for set in ${real_sets}; do [ "$(real_metrics_of "${set}")" != "${metrics}" ] || printf ' %s' "${set}"; done)
        measure extracted_real "${sets}" "${metrics}" "${words}" "${files}" </dev/null
    done < <(for set in ${real_sets}; do real_metrics_of "${set}"; done | sort -u)
}
