#!/usr/bin/env bash
# Speaker verification, from a corpus to a table of error rates. Called by the recipes' run.sh with their sets and configs.
# What it sources is linked into the recipe, so shellcheck sees neither those files nor who uses or sets a variable.
# shellcheck disable=SC1091,SC2034,SC2154
set -euo pipefail

. ./recipe.sh
. "$(dirname "$(readlink -f "$0")")/../verification.sh"
help_message=$(cat <<EOF
Usage: ./run.sh [options]     (sv.sh --train_set <set> --valid_sets "<sets>" --test_sets "<sets>" [options])

Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 embeddings
  3 simulation of noisy sets            8 scoring: EER, minDCF, intervals
  4 dump features to ark: dump/fbank    9 report: exp/RESULTS.md, report.html, plots
  5 statistics of the training set     10 pack the model

${general_help}
Data
  --train_set, --valid_sets, --test_sets    names of sets in data/; valid and test sets have trials
  --extra_sets "noise_train ..."            sets that mixtures draw on: noises, music, babble talkers
  --source_sets               recordings of sets with mix.jsonl, formatted as published mixtures are (none)
  --room_sets "rirs_train ..."              impulse responses
  --local_data_opts "..."                   options of local/data.sh
  --fs 16000                                rate in Hz
  --channel                                 channel to keep of recordings with several (default: refuse them)
  --min_wav_duration, --max_wav_duration    in seconds (0.1, 300)
  --format_opts "..."                       more options of format_audio, e.g. --allow_pipes (run commands in wav.scp)
  --allow_bad 0                             leave out up to so many bad utterances of a set instead of stopping
Simulation
  --simulate_train_config     planner config; makes <train_set>_sim, which is trained on (default none: train_set itself)
  --train_copies              mixtures of each training utterance (1)
  --train_streams "wav spk1 noise1"         of <train_set>_sim, for models that train on the parts of a mixture (wav)
  --speed_perturb_factors     "0.9 1.0 1.1": speeds of <train_set>_sim, each a speaker of its own (default none)
  --simulate_valid_config     planner config; makes <valid>_sim of each valid set, which joins them
  --simulate_test_config      planner config with the noises of the test conditions
  --test_noises, --ood_noises, --snrs       kinds of noise in the matrix, those out of domain, SNRs in dB
Training and evaluation
  --feats_type raw|fbank      train from audio (mixtures on the fly) or from dumped features (raw)
  --sv_config                 training config (conf/train_ecapa.yaml)
  --sv_args "--trainer.epochs 3"            more options of train sv
  --sv_tag                    name of the experiment: exp/sv_<tag> (default: from config, features, args)
  --inference_model           weights to embed with (valid.eer.ave.pth)
  --se_exp ../se/exp/se_<x>   enhance all that is embedded first, by this experiment or packed zip; its scores have a row of
                              their own beside those without (none)
  --train_enhanced            with --se_exp: train on what it makes of the training set (with --simulate_train_config: in noise)
                              and of the valid sets, e.g. to fine-tune a verifier (false):
                              --sv_args "--init_from exp/sv_<x>/valid.eer.ave.pth --data.init_args.planner null" --sv_tag <y>
  --ee_exp ../ee/exp/ee_<x>   enhance all embeddings, by this experiment or packed zip, which was trained for this extractor;
                              its scores have a row of their own beside those without (none)
  --floor_config              config of a network without training, the floor of the table (conf/mean_fbank.yaml; "" none)
  --scoring                   cosine: of whole utterances; mean_cosine, neg_euclidean: over all pairs of segments (cosine)
  --num_segments, --segment_seconds         segments of an utterance, 0: one behind the other (10, 4.015)
  --score_norm none|as_norm   also z_norm, t_norm, s_norm: normalise scores by a cohort of other speakers (none)
  --cohort_set, --cohort_utts, --top_n      the cohort (train_set), utterances of each speaker in it (10), scores (300)
  --score_tag                 name of a way of scoring: exp/sv_<tag>/scores_<score_tag> (default: from the two before; none for
                              plain cosine scores); every way has a row of its own in the tables
  --calibrate                 actDCF and Cllr of scores calibrated on a valid set; EER and minDCF stay (true)
  --calibration_set           sets to calibrate on (all valid sets, noisy ones too)
  --breakdown "gender duration"             error rates by these, or by tables spk2<x>, utt2<x> of the sets (none)
  --duration_edges "2 4"      between groups of durations, in seconds (terciles)
  --resamples                 bootstrap resamples (1000)
  --results                   table over all experiments (exp/RESULTS.md); RESULTS.md: that of the recipe itself, to publish,
                              and results.json, of which report --from makes it anew
EOF
)

fs=16000
simulate_train_config=
train_streams=wav
speed_perturb_factors=
simulate_valid_config=
simulate_test_config=
feats_type=raw
sv_config=conf/train_ecapa.yaml
sv_args=
sv_tag=
inference_model=valid.eer.ave.pth
se_exp=
train_enhanced=false
ee_exp=
floor_config=conf/mean_fbank.yaml
scoring=cosine
score_tag=
num_segments=10
segment_seconds=4.015
score_norm=none
cohort_set=
cohort_utts=10
top_n=300
calibrate=true
calibration_set=
breakdown=
duration_edges=

command_line="$0$(printf ' %q' "$@")"
mark_run "$0" "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
case "${feats_type}" in raw | fbank) ;; *) die "--feats_type ${feats_type}: it can be raw or fbank" ;; esac
case "${scoring}" in
    cosine | mean_cosine | neg_euclidean) ;;
    *) die "--scoring ${scoring}: it can be cosine, mean_cosine or neg_euclidean" ;;
esac
case "${score_norm} ${scoring}" in
    none\ *) ;;
    *\ neg_euclidean) die "--score_norm ${score_norm} has no meaning with --scoring neg_euclidean; use mean_cosine" ;;
    z_norm\ * | t_norm\ * | s_norm\ * | as_norm\ *) ;;
    *) die "--score_norm ${score_norm}: it can be none, z_norm, t_norm, s_norm or as_norm" ;;
esac
for name in sv_config floor_config simulate_train_config simulate_valid_config simulate_test_config; do
    [ -z "${!name}" ] || [ -f "${!name}" ] || die "--${name} ${!name}: no such file"
done
check_counts cohort_utts top_n
check_counts_or_0 num_segments
[ "${num_segments}" -le 10000 ] || die "--num_segments ${num_segments}: must be 10000 at most"
[ "${top_n}" -ge 2 ] || die "--top_n ${top_n}: must be 2 at least; a standard deviation takes two scores"
check_names sv_tag score_tag
check_words '[0-9]*[1-9][0-9]*[.]?[0-9]*|[0-9]*[.][0-9]*[1-9][0-9]*' 'number above 0' \
    duration_edges segment_seconds speed_perturb_factors
tr -s ' ' '\n' <<<"${duration_edges}" | sort -g -u -c 2>/dev/null || die "--duration_edges ${duration_edges}: must rise"
check_lists calibration_set train_streams
[ -z "${duration_edges}" ] || [[ " ${breakdown} " == *" duration "* ]] || die "--duration_edges needs --breakdown duration"
log "${command_line}"
start_guard

note_skips

# Names that the stages share
train_sim=${train_set}
if [ -n "${simulate_train_config}${speed_perturb_factors}" ]; then train_sim=${train_set}_sim; fi
[ "${train_streams}" = wav ] || [ "${train_sim}" != "${train_set}" ] ||
    die "--train_streams ${train_streams}: needs --simulate_train_config, which makes these streams"
[[ " ${train_streams} " == *" wav "* ]] || die "--train_streams ${train_streams}: wav must be among them"
all_valid=${valid_sets}
if [ -n "${simulate_valid_config}" ]; then
    for set in ${valid_sets}; do all_valid+=" ${set}_sim"; done
fi
noisy_tests=
for set in ${test_sets}; do
    for kind in ${test_noises} ${ood_noises}; do
        for snr in ${snrs}; do noisy_tests+=" ${set}_${kind}_${snr}"; done
    done
done
all_tests="${test_sets}${noisy_tests}"
embedded=${all_tests}
calibration_set=${calibration_set:-${all_valid}}
if "${calibrate}"; then embedded+=" ${calibration_set}"; fi
for set in ${calibration_set} ${cohort_set}; do
    [[ " ${train_set} ${train_sim} ${all_valid} ${all_tests} " == *" ${set} "* ]] || [ -d "${dumpdir}/raw/${set}" ] ||
        die "--calibration_set ${calibration_set} --cohort_set ${cohort_set}: set ${set} not found in ${dumpdir}/raw;" \
            "it can also be one of ${train_set} ${all_valid} ${test_sets}"
done
cohort=
if [ "${score_norm}" != none ]; then
    cohort=${cohort_set:-${train_set}}_cohort${cohort_utts}
    embedded+=" ${cohort}"
fi
if [ -z "${sv_tag}" ]; then
    sv_tag=$(basename "${sv_config}" .yaml)_${feats_type}
    [ -z "${speed_perturb_factors}" ] || sv_tag+=_sp
    [ -z "${sv_args}" ] || sv_tag+=_$(printf %s "${sv_args#--}" | tr -sc 'A-Za-z0-9' '_')
fi
sv_exp=${expdir}/sv_${sv_tag}
way=${score_tag}
if [ -z "${way}" ]; then # another way of scoring has another name, so that none replaces another
    if [ "${scoring}" != cosine ]; then
        way+=_${scoring}
        [ "${num_segments} ${segment_seconds}" = "10 4.015" ] || way+=_${num_segments}x${segment_seconds}
    fi
    if [ "${score_norm}" != none ]; then
        way+=_${score_norm}
        [ "${score_norm}" != as_norm ] || [ "${top_n}" -eq 300 ] || way+=_top${top_n}
        [ "${cohort_set:-${train_set}} ${cohort_utts}" = "${train_set} 10" ] || way+=_${cohort_set:-${train_set}}${cohort_utts}
    elif [ "${top_n} ${cohort_set}" != "300 " ]; then
        die "--top_n and --cohort_set are of a --score_norm, and none is given (--score_norm as_norm)"
    fi
fi
way=${way:+_${way#_}}
embeddings=embeddings
[ "${scoring}" = cosine ] || embeddings+=_segments
audio_root=${dumpdir}/raw
if [ -n "${se_exp}" ]; then
    [ -f "${se_exp}/config.yaml" ] || [ -f "${se_exp}" ] ||
        die "--se_exp ${se_exp}: no such experiment, nor packed zip, of enhancement"
    se_name=$(name_of "${se_exp}")
    se_name=se_${se_name#se_} way+=_${se_name} embeddings+=_${se_name} audio_root=${dumpdir}/${se_name}
fi
if "${train_enhanced}"; then
    [ -n "${se_exp}" ] || die "--train_enhanced true: needs --se_exp, what enhances"
    [ "${feats_type}" = raw ] || die "--train_enhanced true: trains from audio; give --feats_type raw"
fi
vectors=${embeddings}
if [ -n "${ee_exp}" ]; then
    [ -f "${ee_exp}/config.yaml" ] || [ -f "${ee_exp}" ] ||
        die "--ee_exp ${ee_exp}: no such experiment, nor packed zip, of embedding enhancement"
    [ -f "${ee_exp}" ] || ee_exp=${ee_exp%/}
    ee_name=$(name_of "${ee_exp}")
    ee_name=ee_${ee_name#ee_} way+=_${ee_name} vectors+=_${ee_name}
    floor_config= # whose embeddings are others
fi
results=${results:-${expdir}/RESULTS.md}
floor_exp=${expdir}/$([ -z "${floor_config}" ] || basename "${floor_config}" .yaml)
feats_root=${dumpdir}/raw valid_root=${dumpdir}/raw
[ "${feats_type}" = raw ] || feats_root=${dumpdir}/${feats_type}
if "${train_enhanced}"; then feats_root=${audio_root} valid_root=${audio_root}; fi

score_sets() { # score_sets FOLDER SETS [options of score_trials]: <system>/FOLDER/<set><_x> of every system and list
    local folder=$1 sets=$2 logdir=${sv_exp}/logs/$1 system set list
    shift 2
    scores=()
    for system in ${systems}; do
        for list in $(lists_of "${sets}"); do
            set=${list%/*}
            local root=${system}/${vectors} options=(--scoring "${scoring}" "$@")
            local files=${root}/${set}/.done.embed
            if [ -n "${cohort}" ]; then
                options+=(--score_norm "${score_norm}" --cohort "${root}/${cohort}/embedding.scp"
                    --cohort_utt2spk "${root}/${cohort}/utt2spk")
                [ "${score_norm}" != as_norm ] || options+=(--top_n "${top_n}")
                files+=" ${root}/${cohort}/.done.embed"
            fi
            if "${calibrate}" && [ "${folder}" = "scores${way}" ]; then
                options+=(--calibration "${system}/calibration${way}/calibration.json")
                files+=" ${system}/calibration${way}/calibration.json"
            fi
            queue_scores "${list}" "${root}/${set}" "${system}/${folder}/${set}${list##*/trials}" "${files}" \
                "${options[@]}"
        done
    done
    score_queue "${logdir}" "${folder}/" "${sets}"
}

listen() { # to what a model makes of the noisiest sets that estimates the speech; once for the same sets and weights
    local set kind noisiest=() clean=() sig weights=${sv_exp}/${inference_model}
    for set in ${test_sets}; do
        clean+=("${dumpdir}/raw/${set}")
        for kind in ${test_noises} ${ood_noises}; do
            # shellcheck disable=SC2086
            noisiest+=("${dumpdir}/raw/${set}_${kind}_$(printf '%s\n' ${snrs} | sort -g | sed -n 1p)")
        done
    done
    if [ "${#noisiest[@]}" -eq 0 ] || [ ! -e "${weights}" ] || ! ls -d "${noisiest[@]}" >/dev/null 2>&1 || "${dry_run}"; then return 0; fi
    sig=$(for set in "${noisiest[@]}" "${clean[@]}"; do signature_line "${set}" listening "${weights} ${sv_exp}/config.yaml"; done | signatures) || exit 1
    if done_before "${sv_exp}/.done.listening" "${sig}"; then return 0; fi
    "${python}" -m toolkit.bin.listen_trials --model "${sv_exp}" --weights "${inference_model}" --trust --sets "${noisiest[@]}" \
        --clean "${clean[@]}" --output "${sv_exp}/listening"
    echo "${sig}" >"${sv_exp}/.done.listening"
}

check_configs() { # before any work: every key of every config that the stages asked for will read
    local stream mixing config said
    if ! runs_stage 6 && { runs_stage 7 || runs_stage 8 || runs_stage 9 || runs_stage 10; }; then
        [ -f "${sv_exp}/config.yaml" ] || no_experiment "${sv_exp}" sv
    fi
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 4 ]; then
        # shellcheck disable=SC2046,SC2086
        later "fix ${sv_config}${sv_args:+, or --sv_args \"${sv_args}\" (\"--<key> <value> ...\")}; ${python} -m toolkit.bin.train sv --help lists the keys" \
            train sv --config "${sv_config}" $(! runs_stage 6 || training_words "${sv_exp}" "${feats_root}/${train_sim}" "${all_valid}" "${valid_root}") ${sv_args} --known_sets "$(known_sets)" --check
    fi
    if runs_stage 7; then
        [ -z "${floor_config}" ] || later "--floor_config ${floor_config}: see above" check_network sv --config "${floor_config}"
        [ -z "${se_exp}" ] || later "--se_exp ${se_exp}: see above" check_network se --model "${se_exp}" --fs "${fs}" "${trusted[@]}"
        [ -z "${ee_exp}" ] || later "--ee_exp ${ee_exp}: see above" check_network ee --model "${ee_exp}" "${trusted[@]}"
    fi
    if [ "${stage}" -le 6 ]; then
        for config in ${simulate_train_config} ${simulate_valid_config}; do plan "${config}" "${train_set}" check --check; done
        if [ -n "${noisy_tests}" ]; then
            plan "${simulate_test_config}" "${train_set}" check --check --snrs "$(as_list "${snrs}")" \
                --kinds "$(as_list "${test_noises} ${ood_noises}")"
        fi
    fi
    run_checks
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 4 ]; then
        stream=$(sed -n 's/^stream: //p' <<<"${said}") mixing=$(sed -n 's/^mixing: //p' <<<"${said}")
        trained=$(sed -n 's/^trained: //p' <<<"${said}")
        case "${feats_type} ${stream}" in
            "raw wav" | "fbank feats") ;;
            fbank*) die "${sv_config} trains from audio: give --feats_type raw (with this recipe's features it would need" \
                "data.class_path FeatureDataset)" ;;
            *) die "${sv_config} trains from features: give --feats_type fbank (to train from audio it would need" \
                "data.class_path MixtureDataset)" ;;
        esac
        if "${mixing}" && "${train_enhanced}"; then
            die "${sv_config} adds noise to what it reads, and --train_enhanced true gives it enhanced audio; give" \
                "--sv_args \"--data.init_args.planner null\", and noise before enhancement by --simulate_train_config"
        fi
        if "${mixing}" && [ -n "${simulate_train_config}" ] &&
            [ "$(sed -n 's/^plan: //p' <<<"${said}" | sed -n 1p)" = mixing ]; then
            die "${sv_config} adds noise to what it reads, and --simulate_train_config ${simulate_train_config} has added noise" \
                "before; give --simulate_train_config \"\", or --sv_args \"--data.init_args.planner null\""
        fi
    fi
}

check_sets() { # before training: what it and stage 8 need of sets
    local set lists='' more=''
    if runs_stage 6; then lists+=" ${all_valid}"; fi
    if runs_stage 8; then
        lists+=" ${all_tests}" more=${cohort:+${cohort_set:-${train_set}}}
        if "${calibrate}"; then lists+=" ${calibration_set}"; fi
    fi
    for set in ${lists} ${more}; do
        "${dry_run}" || [ -d "${dumpdir}/raw/${set}" ] || die "${dumpdir}/raw/${set}: data dir not found; run the stages before," \
            "or name another set (--test_sets, --valid_sets, --calibration_set, --cohort_set)"
    done
    if [ -n "${more}" ] && ! "${dry_run}"; then
        [ "$(cut -d ' ' -f 2 "${dumpdir}/raw/${more}/utt2spk" 2>/dev/null | LC_ALL=C sort -u | wc -l)" -ge 2 ] ||
            die "--score_norm ${score_norm}: ${dumpdir}/raw/${more}: a cohort must have two speakers at least (--cohort_set)"
    fi
    check_trials "${dumpdir}/raw" "${lists}"
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_inference_model "${sv_exp}" eer
check_configs
if [ "${stage}" -gt 1 ] || [ ! -d "data/${train_set}" ]; then check_breakdown data "${test_sets}"; fi
say_backend
hold_outputs "${sv_exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in ${train_set} ${valid_sets} ${test_sets}; do
        validate "${set}"
    done
    check_trials data "${valid_sets} ${test_sets}"
    check_breakdown data "${test_sets}"
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_sources
    format_speech "${train_set} ${valid_sets} ${test_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    simulated=
    if [ "${train_sim}" != "${train_set}" ]; then
        speeds=()
        if [ -n "${speed_perturb_factors}" ]; then
            speeds=(--planner.speeds "$(as_list "${speed_perturb_factors}")" --planner.new_speakers true --each_speed)
        fi
        plan "${simulate_train_config}" "${train_set}" "${train_sim}" --copies "${train_copies}" "${speeds[@]}"
        # shellcheck disable=SC2086
        if [ "${train_streams}" = wav ]; then simulated+=" ${train_sim}"; else render "${train_sim}" --streams ${train_streams}; fi
    fi
    if [ -n "${simulate_valid_config}" ]; then
        for set in ${valid_sets}; do
            plan "${simulate_valid_config}" "${set}" "${set}_sim"
            simulated+=" ${set}_sim"
        done
    fi
    if [ -n "${noisy_tests}" ]; then
        for set in ${test_sets}; do
            plan "${simulate_test_config}" "${set}" "${set}" --snrs "$(as_list "${snrs}")" \
                --kinds "$(as_list "${test_noises} ${ood_noises}")"
        done
        simulated+=${noisy_tests}
    fi
    run_queue
    if [ -n "${simulated}" ]; then
        render "${simulated# }"
    elif [ "${train_sim}" = "${train_set}" ]; then
        log "no simulation config is given: nothing to simulate"
    fi
fi

check_sets

if runs_stage 4 && say_stage 4 "features -> ${feats_root}"; then
    if "${train_enhanced}"; then
        enhance_first "${se_exp}" "${audio_root}" "${train_sim} ${all_valid}"
    elif [ "${feats_type}" = raw ]; then
        log "feats_type is raw: features are computed on the fly"
    else
        run_jobs --name features --cmd "${train_cmd}" --nj "${nj}" --in_root "${dumpdir}/raw" --out_root "${feats_root}" \
            --sets "${train_sim}" --stems feats --deps "${sv_config}" -- \
            "${python}" -m toolkit.bin.dump_features --config "${sv_config}"
    fi
fi

if runs_stage 5 && say_stage 5 "statistics -> ${expdir}/sv_stats_${feats_type}/${train_sim}"; then
    statistics "${expdir}/sv_stats_${feats_type}/${train_sim}" "${feats_root}/${train_sim}" "${sv_config}" "${sv_args}" sv
fi

data_is_made

if runs_stage 6 && say_stage 6 "training -> ${sv_exp}, log in ${sv_exp}/train.log"; then
    train "${sv_exp}" "${feats_root}/${train_sim}" "${all_valid}" "${sv_config}" "${sv_args}" sv "${valid_root}"
fi

systems=${sv_exp}
if [ -n "${floor_config}" ]; then systems+=" ${floor_exp}"; fi

if runs_stage 7 && say_stage 7 "embeddings of ${embedded} -> ${sv_exp}/${embeddings}"; then
    if [ -n "${floor_config}" ] && "${dry_run}"; then
        [ -f "${floor_exp}/config.yaml" ] || remade+="${floor_exp} "
    elif [ -n "${floor_config}" ]; then
        mkdir -p "${floor_exp}"
        "${python}" -m toolkit.bin.check_network sv --config "${floor_config}" --whole "${floor_exp}/config.yaml" || exit 1
    fi
    is_remade "${sv_exp}" || [ -f "${sv_exp}/config.yaml" ] || no_experiment "${sv_exp}" sv
    if [ -n "${cohort}" ]; then
        act utils/subset_data_dir.sh --per-spk "${dumpdir}/raw/${cohort_set:-${train_set}}" "${cohort_utts}" "${dumpdir}/raw/${cohort}"
    fi
    if [ -n "${se_exp}" ]; then
        enhance_first "${se_exp}" "${audio_root}" "${embedded}"
    fi
    segments=()
    if [ "${scoring}" != cosine ]; then segments=(--num_segments "${num_segments}" --segment_seconds "${segment_seconds}"); fi
    for system in ${systems}; do
        embed_sets "${system}" "${inference_model}" "${audio_root}" "${system}/${embeddings}" "${embedded}" --trust "${segments[@]}"
        [ -z "${ee_exp}" ] || enhance_vectors "${ee_exp}" "${system}/${embeddings}" "${system}/${vectors}" "${embedded}" "${trusted[@]}"
    done
fi

if runs_stage 8 && say_stage 8 "scoring -> ${sv_exp}/scores${way}"; then
    warn_of_known_speakers --expdir "${sv_exp}" "${all_tests}"
    if "${calibrate}"; then
        score_sets "calibration${way}" "${calibration_set}" --resamples 0
        for system in ${systems}; do
            scores=() trials=()
            for set in ${calibration_set}; do
                scores+=("${system}/calibration${way}/${set}/scores.txt")
                trials+=("${dumpdir}/raw/${set}/trials")
            done
            "${dry_run}" || later "no calibration of ${system}: see above" calibrate_scores --scores "${scores[@]}" \
                --trials "${trials[@]}" --output "${system}/calibration${way}/calibration.json"
        done
        run_queue
    fi
    # shellcheck disable=SC2086
    score_sets "scores${way}" "${all_tests}" --resamples "${resamples}" \
        ${breakdown:+--breakdown ${breakdown}} ${duration_edges:+--duration_edges ${duration_edges}}
fi

if runs_stage 9 && say_stage 9 "report -> ${sv_exp}/RESULTS.md, ${results}"; then
    others=
    for other in $(compgen -G "${expdir}/*/results*.json" | LC_ALL=C sort || true) $(compgen -G "${floor_exp}/scores*/" || true); do
        other=$(dirname "${other}")
        if [ "${other}" != "${sv_exp}" ] && [[ " ${others} " != *" ${other} "* ]] && compgen -G "${other}/scores*/*/metrics.json" >/dev/null; then others+=" ${other}"; fi
    done
    listen
    # shellcheck disable=SC2046,SC2086
    act "${python}" -m toolkit.bin.report --expdir "${sv_exp}" --scores "scores${way}" ${others:+--compare ${others}} --recipe_results "${results}" $(kept_beside) \
        ${ood_noises:+--ood ${ood_noises}}
    if ! "${dry_run}"; then
        log "tables: ${sv_exp}/RESULTS.md and ${results}; page: ${sv_exp}/report.html (in ${PWD})"
        sed -n '/^## EER/,/^## Every/{/^## Every/!p}' "${results}"
    fi
fi

if runs_stage 10 && say_stage 10 "pack -> ${sv_exp}/packed.zip"; then
    act "${python}" -m toolkit.bin.pack --expdir "${sv_exp}" --weights "${inference_model}" --output "${sv_exp}/packed.zip"
fi
log "finished"
exit 0
}
