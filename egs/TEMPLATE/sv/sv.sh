#!/usr/bin/env bash
# Speaker verification, from a corpus to a table of error rates. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2046,SC2086,SC2154  # what it sources lies beside the file that this link leads to
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps

. "${template}/lib/run.sh"
. "${template}/lib/options.sh"
. "${template}/lib/data.sh"
. "${template}/lib/systems.sh"
. "${template}/sv/checks.sh"
help_message="Usage: ./run.sh [options]     (sv.sh --train_set <set> --valid_sets \"<sets>\" --test_sets \"<sets>\" [options])

Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 embeddings
  3 simulation of noisy sets            8 scoring: EER, minDCF, intervals
  4 dump features to ark: dump/fbank    9 report: exp/RESULTS.md, report.html, plots
  5 statistics of the training set     10 pack the model

${general_help}
Data
  --train_set, --valid_sets, --test_sets    names of sets in data/; valid and test sets have trials
${data_help}
Simulation
  --simulate_train_config     planner config; makes <train_set>_sim, which is trained on (default none: train_set itself)
  --train_copies              mixtures of each training utterance (1)
  --train_streams \"wav spk1 noise1\"         of <train_set>_sim, for models that train on the parts of a mixture (wav)
  --speed_perturb_factors     \"0.9 1.0 1.1\": speeds of <train_set>_sim, each with speakers of other names (default none)
  --simulate_valid_config     planner config; makes <valid>_sim of each valid set, which joins them
  --simulate_test_config      planner config with the noises of the test conditions
  --test_noises, --ood_noises, --snrs       kinds of noise in the matrix, those out of domain, SNRs in dB
Training and evaluation
  --feats_type raw|fbank      train from audio (mixtures on the fly) or from dumped features (raw)
  --sv_config                 training config (conf/train_ecapa.yaml)
  --sv_args \"--trainer.epochs 3\"            more options of train sv
  --sv_tag                    name of the experiment: exp/sv_<tag> (default: from config, features, args)
  --inference_model           weights to embed with (valid.eer.ave.pth)
  --se_exp ../se/exp/se_<x>   enhance all that is embedded first, by this experiment or packed zip; its scores have a row of
                              their own beside those without (none)
  --train_enhanced            with --se_exp: train on what it makes of the training set (with --simulate_train_config: in noise)
                              and of the valid sets, e.g. to fine-tune a verifier (false):
                              --sv_args \"--init_from exp/sv_<x>/valid.eer.ave.pth --data.init_args.planner null\" --sv_tag <y>
  --ee_exp ../ee/exp/ee_<x>   enhance all embeddings, by this experiment or packed zip, which was trained for this extractor;
                              its scores have a row of their own beside those without (none)
  --floor_config              config of a network without training, the floor of the table (conf/mean_fbank.yaml; \"\" none)
  --scoring                   cosine: of whole utterances; mean_cosine, neg_euclidean: over all pairs of segments (cosine)
  --num_segments, --segment_seconds         segments of an utterance, 0: one behind the other (10, 4.015)
  --score_norm none|as_norm   also z_norm, t_norm, s_norm: normalise scores by a cohort of other speakers (none)
  --cohort_set, --cohort_utts, --top_n      the cohort (train_set), utterances of each speaker in it (10), scores (300)
  --score_tag                 name of a way of scoring: exp/sv_<tag>/scores_<score_tag> (default: from the two before; none for
                              plain cosine scores); every way has a row of its own in the tables
  --calibrate                 actDCF and Cllr of scores calibrated on a valid set; EER and minDCF stay (true)
  --calibration_set           sets to calibrate on (all valid sets, noisy ones too)
  --breakdown \"gender duration\"             error rates by these, or by tables spk2<x>, utt2<x> of the sets (none)
  --duration_edges \"2 4\"      between groups of durations, in seconds (terciles)
${results_help}"

simulate_train_config='' train_streams=wav speed_perturb_factors='' simulate_valid_config='' simulate_test_config=''
feats_type=raw sv_config=conf/train_ecapa.yaml sv_args='' sv_tag='' inference_model=valid.eer.ave.pth
se_exp='' train_enhanced=false ee_exp='' floor_config=conf/mean_fbank.yaml
scoring=cosine score_tag='' num_segments=10 segment_seconds=4.015 score_norm=none cohort_set='' cohort_utts=10 top_n=300
calibrate=true calibration_set='' duration_edges=''

start_run "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
check_sv_options
name_sets
name_experiment
log "${command_line}"
start_guard
start_dry_run

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_configs
hold_outputs "${sv_exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in ${train_set} ${valid_sets} ${test_sets}; do validate "${set}"; done
    check_trials data "${valid_sets} ${test_sets}"
    check_breakdown data "${test_sets}"
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_all "${train_set} ${valid_sets} ${test_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    plan_all
    [ "${train_streams}" = wav ] || render "${train_sim}" --streams "${train_streams}"
    if [ -n "${simulated}" ]; then render "${simulated}"; else log "nothing more to simulate"; fi
fi
check_sets

if runs_stage 4 && say_stage 4 "features -> ${feats_root}"; then
    ! "${train_enhanced}" || enhance_audio "${se_exp}" "${audio_root}" "${train_sim} ${all_valid}"
    [ "${feats_type}" = raw ] ||
        "${steps}/features.sh" "${data_step[@]}" "${sv_config}" "${dumpdir}/raw" "${feats_root}" "${train_sim}"
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then
    "${steps}/stats.sh" "${data_step[@]}" --opts "${sv_args}" --deps "$(marks_of_sounds)" \
        sv "${sv_config}" "${feats_root}/${train_sim}" "${stats}"
fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${sv_exp}, log in ${sv_exp}/train.log"; then
    train sv "${feats_root}/${train_sim}" "${sv_exp}" ${all_valid_dirs}
fi

if runs_stage 7 && say_stage 7 "embeddings of ${embedded} -> ${sv_exp}/${embeddings}"; then
    make_floor_and_cohort
    [ -z "${se_exp}" ] || enhance_audio "${se_exp}" "${audio_root}" "${embedded}"
    for system in ${systems}; do
        "${steps}/embed.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${segments}" \
            "${system}" "${audio_root}" "${system}/${embeddings}" ${embedded}
        [ -z "${ee_exp}" ] || enhance_embeddings "${ee_exp}" "${system}/${embeddings}" "${system}/${vectors}" "${embedded}" "${trusted[*]}"
    done
fi

if runs_stage 8 && say_stage 8 "scoring -> ${sv_exp}/scores${way}"; then
    warn_of_known_speakers --expdir "${sv_exp}" "${all_tests}"
    for system in ${systems}; do
        ! "${calibrate}" || calibrate_system "${system}"
        score_system "${system}" "scores${way}" "${all_tests}" "--resamples ${resamples} ${groups}"
    done
fi

if runs_stage 9 && say_stage 9 "report -> ${sv_exp}/RESULTS.md, ${results}"; then
    listen
    results_there=$(compgen -G "${expdir}/*/results*.json" | LC_ALL=C sort; compgen -G "${floor_exp:-/none}/scores*/") || true
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --opts "--scores scores${way} ${ood_noises:+--ood ${ood_noises}}" \
        --tables '/^## EER/,/^## Every/{/^## Every/!p}' "${sv_exp}" $(others_of "${sv_exp}" ${results_there} | scored)
fi

if runs_stage 10 && say_stage 10 "pack -> ${sv_exp}/packed.zip"; then
    "${steps}/pack.sh" "${plain_step[@]}" --weights "${inference_model}" "${sv_exp}"
fi
log "finished"
exit 0
}
