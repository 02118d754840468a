#!/usr/bin/env bash
# Self-supervised learning, from recordings to representations. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/ssl.py; ./run.sh --help prints them.
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps task=ssl

. "${template}/lib/run.sh"
. "${template}/lib/stages.sh"

start_run "$@"
begin_run "$@"

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    validate "${train_set} ${valid_sets} ${test_sets}"
    check_made data
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then format_all "${train_set} ${valid_sets} ${test_sets}"; fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    make_plans
    if [ -n "${rendered}${train_rendered}" ]; then
        render "${rendered} ${train_rendered}" --streams "wav spk1"
    else
        log "nothing to simulate"
    fi
fi
check_made dump

if runs_stage 4 && say_stage 4 "units -> ${units}"; then
    "${steps}/speech_units.sh" --cmd "${train_cmd}" "${plain_step[@]}" --system "${unit_deps}" --opts "${unit_args}" \
        "${dumpdir}/raw/${train_set}" "${units}"
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${dumpdir}/raw/${train_sim}" "${units}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train "${dumpdir}/raw/${train_sim}" "$(printf "${dumpdir}/raw/%s " ${all_valid})" "${units}"
fi

if runs_stage 7 && say_stage 7 "predicted units of ${all_tests} -> ${exp}/predictions"; then
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --deps "${units}" \
        --opts "--trust --units ${units}" ssl "${exp}" "${dumpdir}/raw" "${exp}/predictions" ${all_tests}
fi

if runs_stage 8 && say_stage 8 "scoring -> ${scores}"; then
    "${steps}/score_units.sh" "${plain_step[@]}" --resamples "${resamples}" \
        "${dumpdir}/raw" "${exp}/predictions" "${scores}" ${all_tests}
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then report_task; fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
log "finished"
exit 0
}
