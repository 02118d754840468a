#!/usr/bin/env bash
# Speech recognition, from a corpus to a table of error rates. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/asr.py; ./run.sh --help prints them.
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps task=asr

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
    if [ -n "${rendered}${train_rendered}" ]; then render "${rendered} ${train_rendered}"; else log "nothing to simulate"; fi
fi

if runs_stage 4 && say_stage 4 "units -> ${units}"; then
    "${steps}/units.sh" "${plain_step[@]}" --size "${unit_size}" \
        --check "$(printf "${dumpdir}/raw/%s " ${valid_sets} ${test_sets})" "${token_type}" "${dumpdir}/raw/${train_set}" "${units}"
fi
check_made dump

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${dumpdir}/raw/${train_sim}" "${units}/units.model"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train "${dumpdir}/raw/${train_sim}" "$(printf "${dumpdir}/raw/%s " ${all_valid})" "${units}/units.model"
fi

if runs_stage 7 && say_stage 7 "transcripts of ${all_tests} -> ${transcripts}"; then
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${inference_args}" \
        asr "${exp}" "${dumpdir}/raw" "${transcripts}" ${all_tests}
fi

if runs_stage 8 && say_stage 8 "scoring -> ${scores}"; then
    "${steps}/score_text.sh" "${plain_step[@]}" --resamples "${resamples}" \
        "${dumpdir}/raw" "${transcripts}" "${scores}" ${all_tests}
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then report_task; fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
finish_run
exit 0
}
