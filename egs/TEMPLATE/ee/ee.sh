#!/usr/bin/env bash
# Enhancement of speaker embeddings, from unlabelled speech to a table of error rates. Called by the recipes' run.sh with
# their sets and configs.
# What it sources is linked into the recipe, so shellcheck sees neither those files nor who uses or sets a variable.
# shellcheck disable=SC1091,SC2034,SC2154
set -euo pipefail

. ./recipe.sh
. "$(dirname "$(readlink -f "$0")")/../verification.sh"
help_message=$(cat <<EOF
Usage: ./run.sh [options]     (ee.sh --train_set <set> --valid_sets "<sets>" --test_sets "<sets>" [options])

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
  --extra_sets "noise_train ..."            sets that mixtures draw on: noises, music, babble talkers
  --source_sets               recordings of sets with mix.jsonl, formatted as published mixtures are (none)
  --room_sets "rirs_train ..."              impulse responses
  --local_data_opts "..."                   options of local/data.sh
  --fs 16000                                rate in Hz
  --channel                                 channel to keep of recordings with several (default: refuse them)
  --min_wav_duration, --max_wav_duration    in seconds (0.1, 300)
  --format_opts "..."                       more options of format_audio, e.g. --allow_pipes (run commands in wav.scp)
  --allow_bad 0                             leave out up to so many bad utterances of a set instead of stopping
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
  --ee_args "--trainer.epochs 3"            more options of train ee
  --ee_tag                    name of the experiment: exp/ee_<tag> (default: from config, extractor, args)
  --sampling_seed, --sampling_draws         of the noise in use (0); mean over so many draws of it (1)
  --spread_seeds, --spread_draws            EER over so many seeds (20), and of means over so many draws (5); 0: neither
  --spread_timesteps "1 50"   EER by the timestep of a diffusion model (none)
  --se_exp ../se/exp/se_<x>   a row for enhancement of the audio in place of the embeddings, by this experiment or packed zip
  --scoring                   cosine: of whole utterances; mean_cosine, neg_euclidean: over all pairs of segments (cosine)
  --num_segments, --segment_seconds         segments of an utterance, 0: one behind the other (10, 4.015)
  --resamples                 bootstrap resamples (1000)
  --results                   table over all experiments (exp/RESULTS.md); RESULTS.md: that of the recipe itself, to publish,
                              and results.json, of which report --from makes it anew
EOF
)

fs=16000
sv_exp=
extractor_config=
extractor_name=
inference_model=valid.eer.ave.pth
simulate_test_config=conf/simulate_test.yaml
pairs_config=conf/pairs_train.yaml
valid_pairs_config=conf/pairs_valid.yaml
pair_draws=1
crop_seconds=2.015
ee_config=conf/train_seed.yaml
ee_args=
ee_tag=
sampling_seed=0
sampling_draws=1
spread_seeds=20
spread_draws=5
spread_timesteps=
se_exp=
scoring=cosine
num_segments=10
segment_seconds=4.015
breakdown=

command_line="$0$(printf ' %q' "$@")"
mark_run "$0" "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
case "${scoring}" in
    cosine | mean_cosine | neg_euclidean) ;;
    *) die "--scoring ${scoring}: it can be cosine, mean_cosine or neg_euclidean" ;;
esac
for name in extractor_config ee_config pairs_config valid_pairs_config simulate_test_config; do
    [ -z "${!name}" ] || [ -f "${!name}" ] || die "--${name} ${!name}: no such file"
done
[ -n "${simulate_test_config}" ] || [ -z "${test_noises}${ood_noises}" ] ||
    die "--test_noises ${test_noises} --ood_noises ${ood_noises}: --simulate_test_config must name the config of these noises"
check_counts pair_draws sampling_draws
check_counts_or_0 spread_timesteps num_segments sampling_seed spread_seeds spread_draws
check_numbers crop_seconds segment_seconds
check_names ee_tag extractor_name
name_extractor
[ -n "${sv_exp}${extractor_config}" ] || die "--sv_exp or --extractor_config must say what makes the embeddings"
[ -z "${se_exp}" ] || [ -f "${se_exp}/config.yaml" ] || [ -f "${se_exp}" ] ||
    die "--se_exp ${se_exp}: no such experiment, nor packed zip, of enhancement"
log "${command_line}"
start_guard

note_skips

# Names that the stages share
all_tests=${test_sets}
for set in ${test_sets}; do
    for kind in ${test_noises} ${ood_noises}; do
        for snr in ${snrs}; do all_tests+=" ${set}_${kind}_${snr}"; done
    done
done
if [ -z "${ee_tag}" ]; then
    ee_tag=$(basename "${ee_config}" .yaml)
    [[ "_${ee_tag}_" == *"_${extractor}_"* ]] || ee_tag+=_${extractor}
    [ -z "${ee_args}" ] || ee_tag+=_$(printf %s "${ee_args#--}" | tr -sc 'A-Za-z0-9' '_')
fi
ee_exp=${expdir}/ee_${ee_tag}
way=
[ "${scoring}" = cosine ] || way=_${scoring}
[ "${num_segments} ${segment_seconds}" = "10 4.015" ] || [ -z "${way}" ] || way+=_${num_segments}x${segment_seconds}
embedded=${dumpdir}/embed/${extractor}${way:+_segments}
embeddings=embeddings${way:+_segments}
[ "${sampling_seed} ${sampling_draws}" = "0 1" ] || { embeddings+=_seed${sampling_seed}x${sampling_draws} way+=_seed${sampling_seed}x${sampling_draws}; }
pairs=${dumpdir}/pairs/${extractor}
cascade=
[ -z "${se_exp}" ] || cascade=se_$(name_of "${se_exp}" | sed 's/^se_//')
results=${results:-${expdir}/RESULTS.md}

embed_pairs() { # embed_pairs CONFIG SETS [options]
    local config=$1 sets=$2
    shift 2
    run_jobs --name pairs --cmd "${decode_cmd} --gpu $("${gpu_inference}" && echo 1 || echo 0)" --nj "${inference_nj}" \
        --in_root "${dumpdir}/raw" --out_root "${pairs}" --sets "${sets}" \
        --stems pairs --deps "${config} $(files_of "${system}" "${inference_model}") $(marks_of_sounds)" -- \
        "${python}" -m toolkit.bin.embed_pairs --config "${config}" --model "${system}" --weights "${inference_model}" \
        --crop_seconds "${crop_seconds}" --device "$("${gpu_inference}" && echo cuda || echo cpu)" --trust "$@"
}

score_system() { # score_system SYSTEM FOLDER VECTORS: queue <system>/FOLDER/<set> of all test sets
    local list
    for list in $(lists_of "${all_tests}"); do
        queue_scores "${list}" "$3/${list%/*}" "$1/$2/${list%/*}${list##*/trials}" "$3/${list%/*}/.done.embed" \
            --scoring "${scoring}" --resamples "${resamples}"
    done
}

measure_spread() { # EER over seeds of the noise, for networks that draw any
    local set files sig out=${ee_exp}/sampling${way}.json
    [ "${spread_seeds}" -gt 1 ] || return 0
    if "${dry_run}"; then
        note "spread over ${spread_seeds} seeds -> ${out}"
        return
    fi
    files=$(files_of "${ee_exp}" valid.distance.ave.pth)
    for set in ${all_tests}; do files+=" ${embedded}/${set}/.done.embed"; done
    sig=$(signature "${dumpdir}/raw/${test_sets%% *}" "sampling ${all_tests} ${spread_seeds} ${spread_draws} ${spread_timesteps} ${scoring}" "${files}") || exit 1
    if done_before "${ee_exp}/.done.sampling${way}" "${sig}"; then return 0; fi
    mkdir -p "${ee_exp}/logs/sampling"
    # shellcheck disable=SC2086
    submit "${decode_cmd}" "${ee_exp}/logs/sampling" "${ee_exp}/logs/sampling/score.log" "${python}" -m toolkit.bin.score_seeds \
        --model "${ee_exp}" --trust --in_root "${embedded}" --data_root "${dumpdir}/raw" --sets ${all_tests} \
        --seeds "${spread_seeds}" --draws "${spread_draws}" --timesteps ${spread_timesteps} --scoring "${scoring}" --output "${out}"
    echo "${sig}" >"${ee_exp}/.done.sampling${way}"
}

cost() { # cost OUTPUT SYSTEMS: size, time and memory of systems one behind the other, once for the same weights
    local out=$1 files='' sig one
    shift
    if "${dry_run}"; then
        note "costs -> ${out}"
        return
    fi
    for one in "$@"; do files+=" $(files_of "${one}" 'valid.*.ave.pth')"; done
    sig=$(signature "${dumpdir}/raw/${test_sets%% *}" "cost" "${files}") || exit 1
    if done_before "${out%/*}/.done.${out##*/}" "${sig}"; then return 0; fi
    "${python}" -m toolkit.bin.system_cost --systems "$@" --trust --output "${out}" || exit 1
    echo "${sig}" >"${out%/*}/.done.${out##*/}"
}

check_configs() { # before any work: every key of every config that the stages asked for will read
    if ! runs_stage 6 && { runs_stage 7 || runs_stage 8 || runs_stage 9 || runs_stage 10; }; then
        [ -f "${ee_exp}/config.yaml" ] || no_experiment "${ee_exp}" ee
    fi
    [ "${stage}" -gt 7 ] || check_extractor "${inference_model}"
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 4 ]; then
        # shellcheck disable=SC2046,SC2086
        later "fix ${ee_config}${ee_args:+, or --ee_args \"${ee_args}\" (\"--<key> <value> ...\")}; ${python} -m toolkit.bin.train ee --help lists the keys" \
            train ee --config "${ee_config}" $(! runs_stage 6 || training_words "${ee_exp}" "${pairs}/${train_set}" "${valid_sets}" "${pairs}") ${ee_args} --check
        for config in ${pairs_config} ${valid_pairs_config}; do
            later "fix ${config}" embed_pairs --check --config "${config}" --known_sets "$(known_sets)"
        done
    fi
    if runs_stage 7; then
        [ -z "${se_exp}" ] || later "--se_exp ${se_exp}: see above" check_network se --model "${se_exp}" --fs "${fs}" "${trusted[@]}"
    fi
    if [ "${stage}" -le 3 ] && [ "${all_tests}" != "${test_sets}" ]; then
        plan "${simulate_test_config}" "${train_set}" check --check --snrs "$(as_list "${snrs}")" \
            --kinds "$(as_list "${test_noises} ${ood_noises}")"
    fi
    run_checks
    trained=$(sed -n 's/^trained: //p' <<<"${said}")
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_configs
say_backend
hold_outputs "${ee_exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in ${train_set} ${valid_sets} ${test_sets} ${extra_sets} ${room_sets}; do
        validate "${set}"
    done
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_sources
    format_speech "${train_set} ${valid_sets} ${test_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation -> data/*/mix.jsonl, dump/raw"; then
    if [ "${all_tests}" != "${test_sets}" ]; then
        for set in ${test_sets}; do
            plan "${simulate_test_config}" "${set}" "${set}" --snrs "$(as_list "${snrs}")" \
                --kinds "$(as_list "${test_noises} ${ood_noises}")"
        done
        run_queue
        render "${all_tests#"${test_sets} "}"
    fi
fi

if runs_stage 8; then check_trials "${dumpdir}/raw" "${all_tests}"; fi

make_extractor

if runs_stage 4 && say_stage 4 "embeddings of speech and its variants -> ${pairs}"; then
    embed_pairs "${pairs_config}" "${train_set}" --draws "${pair_draws}"
    embed_pairs "${valid_pairs_config}" "${valid_sets}"
fi

if runs_stage 5 && say_stage 5 "statistics -> ${expdir}/ee_stats_${extractor}/${train_set}"; then
    statistics "${expdir}/ee_stats_${extractor}/${train_set}" "${pairs}/${train_set}" "${ee_config}" "${ee_args}" ee
fi

data_is_made

if runs_stage 6 && say_stage 6 "training -> ${ee_exp}, log in ${ee_exp}/train.log"; then
    train "${ee_exp}" "${pairs}/${train_set}" "${valid_sets}" "${ee_config}" "${ee_args}" ee "${pairs}"
fi

if runs_stage 7 && say_stage 7 "embeddings of ${all_tests} -> ${embedded}, ${ee_exp}/${embeddings}"; then
    is_remade "${ee_exp}" || [ -f "${ee_exp}/config.yaml" ] || no_experiment "${ee_exp}" ee
    segments=()
    if [ "${scoring}" != cosine ]; then segments=(--num_segments "${num_segments}" --segment_seconds "${segment_seconds}"); fi
    embed_sets "${system}" "${inference_model}" "${dumpdir}/raw" "${embedded}" "${all_tests}" --trust "${segments[@]}"
    enhance_vectors "${ee_exp}" "${embedded}" "${ee_exp}/${embeddings}" "${all_tests}" --trust \
        --seed "${sampling_seed}" --draws "${sampling_draws}"
    if [ -n "${cascade}" ]; then
        enhance_first "${se_exp}" "${dumpdir}/${cascade}" "${all_tests}"
        embed_sets "${system}" "${inference_model}" "${dumpdir}/${cascade}" "${embedded}_${cascade}" "${all_tests}" --trust "${segments[@]}"
    fi
fi

if runs_stage 8 && say_stage 8 "scoring -> ${ee_exp}/scores${way}, ${raw_exp}/scores"; then
    warn_of_known_speakers --train_dir "${dumpdir}/raw/${train_set}" "${all_tests}"
    scores=()
    score_system "${raw_exp}" "scores${way%_seed*}" "${embedded}"
    [ -z "${cascade}" ] || score_system "${raw_exp}" "scores${way%_seed*}_${cascade}" "${embedded}_${cascade}"
    score_system "${ee_exp}" "scores${way}" "${ee_exp}/${embeddings}"
    score_queue "${ee_exp}/logs/scores${way}" "scores${way}/" "${all_tests}"
    measure_spread
    cost "${raw_exp}/cost${way%_seed*}.json" "${system}"
    [ -z "${cascade}" ] || cost "${raw_exp}/cost${way%_seed*}_${cascade}.json" "${se_exp}" "${system}"
    cost "${ee_exp}/cost${way}.json" "${system}" "${ee_exp}"
fi

if runs_stage 9 && say_stage 9 "report -> ${ee_exp}/RESULTS.md, ${results}"; then
    others= # all that stage 8 has scored, with enhancement and without
    for other in "${raw_exp}" $(compgen -G "${expdir}/*/cost*.json" | xargs -r dirname | LC_ALL=C sort -u || true); do
        if [ "${other}" != "${ee_exp}" ] && [[ " ${others} " != *" ${other} "* ]] && compgen -G "${other}/scores*/*/metrics.json" >/dev/null; then others+=" ${other}"; fi
    done
    # shellcheck disable=SC2046,SC2086
    act "${python}" -m toolkit.bin.report --expdir "${ee_exp}" --scores "scores${way}" ${others:+--compare ${others}} --recipe_results "${results}" $(kept_beside) \
        ${ood_noises:+--ood ${ood_noises}}
    if ! "${dry_run}"; then
        log "tables: ${ee_exp}/RESULTS.md and ${results}; page: ${ee_exp}/report.html (in ${PWD})"
        sed -n '/^## EER/,/^## Every/{/^## Every/!p}' "${results}"
    fi
fi

if runs_stage 10 && say_stage 10 "pack -> ${ee_exp}/packed.zip"; then
    act "${python}" -m toolkit.bin.pack --expdir "${ee_exp}" --output "${ee_exp}/packed.zip"
fi
log "finished"
exit 0
}
