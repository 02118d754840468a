#!/usr/bin/env bash
# Target speaker extraction, from a corpus to a table of SI-SDR. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2046,SC2086,SC2154  # what it sources lies beside the file that this link leads to
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps task=tse output_name=extracted

. "${template}/lib/run.sh"
. "${template}/lib/options.sh"
. "${template}/lib/data.sh"
. "${template}/lib/systems.sh"
. "${template}/lib/mixtures.sh"
. "${template}/tse/enrolments.sh"
. "${template}/tse/real.sh"
help_message="Usage: ./run.sh [options]     (tse.sh --train_set <set> --valid_sets \"<sets>\" --test_sets \"<sets>\" [options])

Target speaker extraction: what one enrolled speaker says in a mixture.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 inference: audio of every test mixture
  3 simulation of mixtures              8 scoring: metrics with intervals over speakers
  4 embeddings of enrolments            9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model

${general_help}
${mixtures_help}
Training and evaluation
  --tse_config                training config (conf/train_sefpnet.yaml)
  --tse_args \"--trainer.epochs 3\"           more options of train tse
  --tse_tag                   name of the experiment: exp/tse_<tag> (default: from config and args)
  --train_streams             of rendered training mixtures (wav spk1)
  --inference_model           weights to infer with (valid.loss.ave.pth)
${enrolments_help}
  --metrics                   of score_audio, all that the tables are to have (si_sdr sdr pesq_nb stoi estoi tsos);
${metrics_help}
${results_help}"

fs=8000 tse_config=conf/train_sefpnet.yaml tse_args='' tse_tag=''
enroll_from='' enroll_lengths='' simulate_enroll_config='' simulate_train_enroll_config='' absent=true
sv_exp='' extractor_config='' extractor_name='' real_sets='' real_metrics=auto
metrics="si_sdr sdr pesq_nb stoi estoi tsos" breakdown=auto

start_run "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
train_config=${tse_config} train_args=${tse_args} tag=${tse_tag}
check_mixture_options
name_sets
check_tse_options
log "${command_line}"
start_guard
start_dry_run

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_inference_model "${exp}" loss
check_weights
add_embeddings
check_configs ${simulate_enroll_config} ${simulate_train_enroll_config}
hold_outputs "${exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in $(recorded "${train_set} ${valid_sets} ${test_sets}"); do validate "${set}"; done
    for set in ${real_sets}; do validate "${set}" --require-streams enroll_spk1; done
    ! runs_stage 8 || check_breakdown data "${as_they_are}" auto gender_pair
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_all "$(recorded "${train_set} ${valid_sets} ${test_sets}") ${real_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    plan_enrolments
    plan_mixtures "${noisy_enrolments}" "--enroll draw ${from_set}" "--enroll fixed ${from_set}"
    render_mixtures
fi
if runs_stage 8 && ! "${dry_run}"; then check_breakdown "${dumpdir}/raw" "${all_tests}" auto gender_pair; fi

if runs_stage 4 && say_stage 4 "features"; then
    if [ -n "${embedded}" ]; then embed_enrolments; else log "none: the network reads audio"; fi
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then
    "${steps}/stats.sh" "${data_step[@]}" --opts "${train_args}" --deps "$(marks_of_sounds)" \
        tse "${tse_config}" "${dumpdir}/raw/${train_sim}" "${stats}"
fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train_deps=$([ -z "${embedded}" ] || compgen -G "${embedded}/*/.done.embed" || true)
    train tse "${dumpdir}/raw/${train_sim}" "${exp}" $(printf "${dumpdir}/raw/%s " ${all_valid})
fi

if runs_stage 7 && say_stage 7 "extracted -> ${all_tests} in ${exp}/extracted"; then
    infer_all
    [ -z "${real_sets}" ] || infer extracted_real "${real_sets}" ""
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores"; then
    warn_of_known_speakers --expdir "${exp}" "${all_tests} ${real_sets}"
    measure_all
    measure_real
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
