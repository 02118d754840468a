#!/usr/bin/env bash
# Intent classification, from a corpus to a table of accuracies. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/ic.py; ./run.sh --help prints them.
task=ic
. "$(dirname "$(readlink -f "$0")")/../lib/open.sh"
. "${template}/lib/labels.sh"

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

prepare_sets # stages 1 to 3

if runs_stage 4 && say_stage 4 "features"; then log "none: the networks read audio"; fi
check_made dump

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${dumpdir}/raw/${train_sim}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then train_sets; fi

if runs_stage 7 && say_stage 7 "intents of ${all_tests} -> ${labels}"; then infer_labels; fi

if runs_stage 8 && say_stage 8 "scoring -> ${scores}"; then score_labels; fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then report_task; fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
finish_run
exit 0
}
