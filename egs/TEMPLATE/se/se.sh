#!/usr/bin/env bash
# Speech enhancement, from a corpus to a table of SI-SDR, PESQ, STOI. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/se.py; ./run.sh --help prints them.
task=se output_name=enhanced
. "$(dirname "$(readlink -f "$0")")/../lib/open.sh"
. "${template}/lib/mixtures.sh"
. "${template}/lib/clean.sh"
. "${template}/se/verify.sh"

[ -z "${alphas}" ] || sweep_alphas

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

prepare_sets --streams all # stages 1 to 3
check_made dump

if runs_stage 4 && say_stage 4 "features"; then log "none: the networks read audio"; fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${dumpdir}/raw/${train_sim}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then train_sets; fi

if runs_stage 7 && say_stage 7 "enhanced -> ${all_tests} in ${exp}/enhanced"; then
    infer enhanced "${all_tests}" ""
    for beta in ${observations}; do infer "enhanced_beta${beta}" "${all_tests}" "--observation ${beta}"; done
    [ -z "${sv_exp}" ] || embed_all
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores"; then
    measure enhanced "${all_tests}" "${metrics}"
    for beta in ${observations}; do measure "enhanced_beta${beta}" "${all_tests}" "${metrics}"; done
    [ -z "${sv_exp}" ] || verify_all
fi

if [ -n "${downstream}" ] && runs_stage 8 && say_stage 8 "downstream systems -> ${exp}/downstream, ${expdir}/downstream"; then
    score_downstream
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then report_audio; fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
finish_run
exit 0
}
