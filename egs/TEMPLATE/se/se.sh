#!/usr/bin/env bash
# Speech enhancement, from a corpus to a table of SI-SDR, PESQ, STOI. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2046,SC2086,SC2119,SC2154  # what it sources lies beside the file that this link leads to
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps task=se output_name=enhanced

. "${template}/lib/run.sh"
. "${template}/lib/options.sh"
. "${template}/lib/data.sh"
. "${template}/lib/systems.sh"
. "${template}/lib/mixtures.sh"
. "${template}/se/verify.sh"
help_message="Usage: ./run.sh [options]     (se.sh --train_set <set> --valid_sets \"<sets>\" --test_sets \"<sets>\" [options])

Speech enhancement: the speech in a noisy recording.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 inference: audio of every test mixture
  3 simulation of mixtures              8 scoring: metrics with intervals over speakers
  4 (features are made on the fly)      9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model

${general_help}
${mixtures_help}
Training and evaluation
  --se_config                 training config (conf/train_convtasnet.yaml)
  --se_args \"--trainer.epochs 3\"            more options of train se
  --se_tag                    name of the experiment: exp/se_<tag> (default: from config and args)
  --inference_model           weights to infer with (valid.loss.ave.pth)
  --init_from exp/se_<x>      train from another experiment's weights (its valid.loss.ave.pth): fine-tuning; becomes part of
                              the experiment's name, se_<config>_from_<x> (none)
  --alphas \"0 0.01 0.1 1\"     train, infer and score once for each of these weights of the SNR loss, of a config with a loss
                              beside it (loss.init_args.alpha); experiments se_<tag>_alpha<x>, one table and curves (none)
  --observations \"0.1 0.2\"    also score the output with so much of the mixture added back: (1 - beta) enhanced + beta mixture
                              (none)
  --sv_exp ../sv/exp/sv_<x>   experiment of the SV recipe (or its packed.zip): EER of the test sets' trials on noisy, enhanced
                              and clean audio, each trial with both sides alike (none)
  --metrics                   of score_audio, all that the tables are to have (si_sdr sdr pesq_wb stoi estoi; at 8 kHz pesq_nb);
${metrics_help}
${results_help}"

se_config=conf/train_convtasnet.yaml se_args='' se_tag='' init_from='' alphas='' observations='' sv_exp=''
metrics="si_sdr sdr pesq_wb stoi estoi" breakdown=auto

start_run "$@"
arguments=("$@")
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
train_config=${se_config} train_args=${se_args} tag=${se_tag}
check_mixture_options
check_se_options
name_sets
log "${command_line}"
start_guard
start_dry_run
[ -z "${alphas}" ] || sweep_alphas

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_inference_model "${exp}" loss
check_weights
check_configs
hold_outputs "${exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in $(recorded "${train_set} ${valid_sets} ${test_sets}"); do validate "${set}"; done
    ! runs_stage 8 || check_breakdown data "${as_they_are}" auto gender_pair
fi
if [ "${stage}" -le 2 ]; then check_verified_sets data "${test_sets}"; fi # noisy copies have the trials of their set

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_all "$(recorded "${train_set} ${valid_sets} ${test_sets}")"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    plan_mixtures "" "" ""
    render_mixtures
fi
check_verified_sets "${dumpdir}/raw" "${all_tests}"
if runs_stage 8 && ! "${dry_run}"; then check_breakdown "${dumpdir}/raw" "${all_tests}" auto gender_pair; fi

if runs_stage 4 && say_stage 4 "features"; then log "none: the networks read audio"; fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then
    "${steps}/stats.sh" "${data_step[@]}" --opts "${train_args}" --deps "$(marks_of_sounds)" \
        se "${se_config}" "${dumpdir}/raw/${train_sim}" "${stats}"
fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train se "${dumpdir}/raw/${train_sim}" "${exp}" $(printf "${dumpdir}/raw/%s " ${all_valid})
fi

if runs_stage 7 && say_stage 7 "enhanced -> ${all_tests} in ${exp}/enhanced"; then
    infer enhanced "${all_tests}" ""
    for beta in ${observations}; do infer "enhanced_beta${beta}" "${all_tests}" "--observation ${beta}"; done
    [ -z "${sv_exp}" ] || embed_all
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores"; then
    warn_of_known_speakers --expdir "${exp}" "${all_tests}"
    measure enhanced "${all_tests}" "${metrics}"
    for beta in ${observations}; do measure "enhanced_beta${beta}" "${all_tests}" "${metrics}"; done
    [ -z "${sv_exp}" ] || verify_all
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then
    report_all
fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then
    "${steps}/pack.sh" "${plain_step[@]}" --weights "${inference_model}" "${exp}"
fi
log "finished"
exit 0
}
