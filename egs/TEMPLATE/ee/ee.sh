#!/usr/bin/env bash
# Enhancement of speaker embeddings, from unlabelled speech to a table of error rates. Called by the recipes' run.sh with
# their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2046,SC2086,SC2154  # what it sources lies beside the file that this link leads to
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps

. "${template}/lib/run.sh"
. "${template}/lib/options.sh"
. "${template}/lib/data.sh"
. "${template}/lib/systems.sh"
. "${template}/ee/checks.sh"
help_message="Usage: ./run.sh [options]     (ee.sh --train_set <set> --valid_sets \"<sets>\" --test_sets \"<sets>\" [options])

Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 embeddings of test sets: dump/embed/<extractor>, exp/ee_<tag>/embeddings
  3 simulation of noisy test sets       8 scoring: EER, minDCF, intervals; spread over the noise's seeds; costs
  4 embeddings of speech and its        9 report: exp/RESULTS.md, report.html, plots
    variants: dump/pairs/<extractor>   10 pack the model
  5 statistics of the training set

${general_help}
Data
  --train_set                 unlabelled speech to train on
  --valid_sets, --test_sets   names of sets in data/; test sets have trials, valid sets need none
${data_help}
  --simulate_test_config      planner config with the noises of the test conditions (empty: without --test_noises)
  --test_noises, --ood_noises, --snrs       kinds of noise in the matrix, those out of domain, SNRs in dB
Extractor
  --sv_exp ../sv/exp/sv_<x>   what makes the embeddings: an experiment in speaker verification, or a packed zip
  --extractor_config          without --sv_exp: the config of an extractor that needs no training, such as conf/ge2e.yaml
  --extractor_name            name of its folders (default: that of the experiment or of the config)
  --inference_model           weights of --sv_exp (valid.eer.ave.pth)
Training and evaluation
  --pairs_config              variants of clean speech that training sees (conf/pairs_train.yaml)
  --valid_pairs_config        those of the valid sets (conf/pairs_valid.yaml)
  --pair_draws, --crop_seconds              crops of each utterance (1), their length in s, 0: all of it (2.015)
  --ee_config                 training config (conf/train_seed.yaml)
  --ee_args \"--trainer.epochs 3\"            more options of train ee
  --ee_tag                    name of the experiment: exp/ee_<tag> (default: from config, extractor, args)
  --sampling_seed, --sampling_draws         of the noise in use (0); number of its draws, of which the mean is taken (1)
  --spread_seeds, --spread_draws            number of seeds for the spread of the EER (20), of draws in a mean (5); 0: neither
  --spread_timesteps \"1 50\"   EER by the timestep of a diffusion model (none)
  --se_exp ../se/exp/se_<x>   a row for enhancement of the audio in place of the embeddings, by this experiment or packed zip
  --scoring                   cosine: of whole utterances; mean_cosine, neg_euclidean: over all pairs of segments (cosine)
  --num_segments, --segment_seconds         segments of an utterance, 0: one behind the other (10, 4.015)
${results_help}"

sv_exp='' extractor_config='' extractor_name='' inference_model=valid.eer.ave.pth
simulate_test_config=conf/simulate_test.yaml pairs_config=conf/pairs_train.yaml valid_pairs_config=conf/pairs_valid.yaml
pair_draws=1 crop_seconds=2.015 ee_config=conf/train_seed.yaml ee_args='' ee_tag=''
sampling_seed=0 sampling_draws=1 spread_seeds=20 spread_draws=5 spread_timesteps=''
se_exp='' scoring=cosine num_segments=10 segment_seconds=4.015

start_run "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
check_ee_options
name_experiment
log "${command_line}"
start_guard
start_dry_run

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_configs
hold_outputs "${ee_exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in ${train_set} ${valid_sets} ${test_sets} ${extra_sets} ${room_sets}; do validate "${set}"; done
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_all "${train_set} ${valid_sets} ${test_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation -> data/*/mix.jsonl, ${dumpdir}/raw" && [ "${all_tests}" != "${test_sets}" ]; then
    for set in ${test_sets}; do plan_grid "${simulate_test_config}" "${set}"; done
    make_plans "$(grid_of "${test_sets}")"
    render "$(grid_of "${test_sets}")"
fi
if runs_stage 8; then check_trials "${dumpdir}/raw" "${all_tests}"; fi
make_extractor

if runs_stage 4 && say_stage 4 "embeddings of speech and its variants -> ${pairs}"; then
    embed_pairs "${pairs_config}" "${train_set}" "--draws ${pair_draws}"
    embed_pairs "${valid_pairs_config}" "${valid_sets}" ""
fi

if runs_stage 5 && say_stage 5 "statistics -> ${expdir}/ee_stats_${extractor}/${train_set}"; then
    "${steps}/stats.sh" "${data_step[@]}" --opts "${ee_args}" --deps "$(marks_of_sounds)" \
        ee "${ee_config}" "${pairs}/${train_set}" "${expdir}/ee_stats_${extractor}/${train_set}"
fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${ee_exp}, log in ${ee_exp}/train.log"; then
    inference_model=valid.distance.ave.pth train ee "${pairs}/${train_set}" "${ee_exp}" $(printf "${pairs}/%s " ${valid_sets})
fi

if runs_stage 7 && say_stage 7 "embeddings of ${all_tests} -> ${embedded}, ${ee_exp}/${embeddings}"; then
    embed_tests "${dumpdir}/raw" "${embedded}"
    enhance_embeddings "${ee_exp}" "${embedded}" "${ee_exp}/${embeddings}" "${all_tests}" \
        "--trust --seed ${sampling_seed} --draws ${sampling_draws}"
    [ -z "${cascade}" ] || enhance_audio "${se_exp}" "${dumpdir}/${cascade}" "${all_tests}"
    [ -z "${cascade}" ] || embed_tests "${dumpdir}/${cascade}" "${embedded}_${cascade}"
fi

if runs_stage 8 && say_stage 8 "scoring -> ${ee_exp}/scores${way}, ${raw_exp}/scores"; then
    warn_of_known_speakers --train_dir "${dumpdir}/raw/${train_set}" "${all_tests}"
    score_system "${raw_exp}" "scores${raw_way}" "${embedded}"
    [ -z "${cascade}" ] || score_system "${raw_exp}" "scores${raw_way}_${cascade}" "${embedded}_${cascade}"
    score_system "${ee_exp}" "scores${way}" "${ee_exp}/${embeddings}"
    measure_spread
    measure_costs
fi

if runs_stage 9 && say_stage 9 "report -> ${ee_exp}/RESULTS.md, ${results}"; then
    costs=$(compgen -G "${expdir}/*/cost*.json" | LC_ALL=C sort || true) # of all that stage 8 has scored
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --opts "--scores scores${way} ${ood_noises:+--ood ${ood_noises}}" \
        --tables '/^## EER/,/^## Every/{/^## Every/!p}' "${ee_exp}" $(others_of "${ee_exp}" "${raw_exp}/x" ${costs} | scored)
fi

if runs_stage 10 && say_stage 10 "pack -> ${ee_exp}/packed.zip"; then
    "${steps}/pack.sh" "${plain_step[@]}" "${ee_exp}"
fi
log "finished"
exit 0
}
