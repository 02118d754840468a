#!/usr/bin/env bash
# Target speaker extraction, from a corpus to a table of SI-SDR. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/tse.py; ./run.sh --help prints them.
task=tse output_name=extracted
. "$(dirname "$(readlink -f "$0")")/../lib/open.sh"
. "${template}/lib/mixtures.sh"
. "${template}/lib/clean.sh"

measure_real() { # recordings without targets: of each group of sets the metrics that it has the tables for
    local metrics sets options='' files=''
    if [ -n "${verifier}" ]; then
        if [ ! -e "${verifier}" ]; then
            note "scores of extracted_real: to do, of ${real_sets}"
            return
        fi
        options="--sv_exp ${verifier} ${trusted}" files=$(files_of "${verifier}" valid.eer.ave.pth)
    fi
    while IFS='|' read -r metrics sets; do
        breakdown='' measure extracted_real "${sets}" "${metrics}" "${options}" "${files}" </dev/null
    done <<<"${real_groups}"
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

prepare_sets --streams all # stages 1 to 3
check_made dump

if runs_stage 4 && say_stage 4 "features"; then
    remade ${unmade}
    if [ -z "${embedded}" ]; then log "none: the network reads audio"; else
        "${steps}/embed.sh" "${decode_step[@]}" --opts "${trusted}" "${system}" "${dumpdir}/raw" "${embedded}" ${embedded_sets}
    fi
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${dumpdir}/raw/${train_sim}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train_sets "$(compgen -G "${embedded:-none}/*/.done.embed" || true)"
fi

if runs_stage 7 && say_stage 7 "extracted -> ${all_tests} in ${exp}/extracted"; then
    infer extracted "${all_tests}" ""
    enrolments=$(printf "${dumpdir}/raw/%s " ${noisy_enrolments})
    [ -z "${condition}" ] || infer "extracted_${condition}" "${all_tests}" "--enroll_from ${enrolments}" "${enrolments}"
    for beta in ${observations}; do infer "extracted_beta${beta}" "${all_tests}" "--observation ${beta}"; done
    for seconds in ${enroll_lengths}; do infer "extracted_enroll${seconds}s" "${all_tests}" "--enroll_seconds ${seconds}"; done
    ! "${absent}" || infer extracted_absent "${all_tests}" "--absent"
    [ -z "${real_sets}" ] || infer extracted_real "${real_sets}" ""
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores"; then
    measure extracted "${all_tests}" "${metrics}" "${sv_exp:+--sv_exp ${sv_exp} ${trusted}}" \
        "$([ -z "${sv_exp}" ] || files_of "${sv_exp}" valid.eer.ave.pth)"
    [ -z "${condition}" ] || measure "extracted_${condition}" "${all_tests}" "${metrics}"
    for beta in ${observations}; do measure "extracted_beta${beta}" "${all_tests}" "${metrics}"; done
    for seconds in ${enroll_lengths}; do measure "extracted_enroll${seconds}s" "${all_tests}" si_sdr; done
    ! "${absent}" || measure extracted_absent "${all_tests}" residual_energy --absent
    [ -z "${real_sets}" ] || measure_real
fi

if [ -n "${downstream}" ] && runs_stage 8 && say_stage 8 "downstream systems -> ${exp}/downstream, ${expdir}/downstream"; then
    score_downstream
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then report_audio; fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
finish_run
exit 0
}
