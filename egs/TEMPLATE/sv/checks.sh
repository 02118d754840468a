# What the stages of sv.sh are given: checks of its options, names of sets and folders. Sourced by sv.sh.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154

check_sv_options() {
    case "${feats_type}" in raw | fbank) ;; *) die "--feats_type ${feats_type}: it can be raw or fbank" ;; esac
    check_scoring
    case "${score_norm} ${scoring}" in
        none\ *) ;;
        *\ neg_euclidean) die "--score_norm ${score_norm} has no meaning with --scoring neg_euclidean; use mean_cosine" ;;
        z_norm\ * | t_norm\ * | s_norm\ * | as_norm\ *) ;;
        *) die "--score_norm ${score_norm}: it can be none, z_norm, t_norm, s_norm or as_norm" ;;
    esac
    check_files sv_config "${sv_config}" floor_config "${floor_config}" simulate_train_config "${simulate_train_config}" \
        simulate_valid_config "${simulate_valid_config}" simulate_test_config "${simulate_test_config}"
    check_counts cohort_utts "${cohort_utts}" top_n "${top_n}"
    check_counts_or_0 num_segments "${num_segments}"
    [ "${num_segments}" -le 10000 ] || die "--num_segments ${num_segments}: must be 10000 at most"
    [ "${top_n}" -ge 2 ] || die "--top_n ${top_n}: must be 2 at least; a standard deviation takes two scores"
    check_names sv_tag "${sv_tag}" score_tag "${score_tag}"
    check_positive duration_edges "${duration_edges}" segment_seconds "${segment_seconds}" \
        speed_perturb_factors "${speed_perturb_factors}"
    tr -s ' ' '\n' <<<"${duration_edges}" | sort -g -u -c 2>/dev/null || die "--duration_edges ${duration_edges}: must rise"
    check_lists calibration_set "${calibration_set}" train_streams "${train_streams}"
    [ -z "${duration_edges}" ] || [[ " ${breakdown} " == *" duration "* ]] || die "--duration_edges needs --breakdown duration"
    [[ " ${train_streams} " == *" wav "* ]] || die "--train_streams ${train_streams}: wav must be among them"
    [ "${train_streams}" = wav ] || [ -n "${simulate_train_config}${speed_perturb_factors}" ] ||
        die "--train_streams ${train_streams}: needs --simulate_train_config, which makes these streams"
    check_system se_exp "${se_exp}" enhancement
    check_system ee_exp "${ee_exp}" "embedding enhancement"
    if "${train_enhanced}"; then
        [ -n "${se_exp}" ] || die "--train_enhanced true: needs --se_exp, what enhances"
        [ "${feats_type}" = raw ] || die "--train_enhanced true: trains from audio; give --feats_type raw"
    fi
    [ "${score_norm}" != none ] || [ "${top_n} ${cohort_set}" = "300 " ] || [ -n "${score_tag}" ] ||
        die "--top_n and --cohort_set are of a --score_norm, and none is given (--score_norm as_norm)"
}

name_sets() {
    local set
    train_sim=${train_set} simulated=''
    if [ -n "${simulate_train_config}${speed_perturb_factors}" ]; then
        train_sim=${train_set}_sim
        [ "${train_streams}" != wav ] || simulated+=" ${train_sim}"
    fi
    all_valid=${valid_sets}
    if [ -n "${simulate_valid_config}" ]; then all_valid+=$(printf ' %s_sim' ${valid_sets}); fi
    simulated+="${all_valid#"${valid_sets}"}$(grid_of "${test_sets}")"
    all_tests="${test_sets}$(grid_of "${test_sets}")"
    calibration_set=${calibration_set:-${all_valid}}
    for set in ${calibration_set} ${cohort_set}; do
        [[ " ${train_set} ${train_sim} ${all_valid} ${all_tests} " == *" ${set} "* ]] || [ -d "${dumpdir}/raw/${set}" ] ||
            die "--calibration_set ${calibration_set} --cohort_set ${cohort_set}: set ${set} not found in ${dumpdir}/raw;" \
                "it can also be one of ${train_set} ${all_valid} ${test_sets}"
    done
    embedded=${all_tests} cohort=''
    if "${calibrate}"; then embedded+=" ${calibration_set}"; fi
    if [ "${score_norm}" != none ]; then
        cohort=${cohort_set:-${train_set}}_cohort${cohort_utts}
        embedded+=" ${cohort}"
    fi
}

name_experiment() { # folders; another way of scoring has another name (way), so that none replaces another
    local se_name ee_name
    train_config=${sv_config} train_args=${sv_args}
    sv_exp=${expdir}/sv_${sv_tag:-$(basename "${sv_config}" .yaml)_${feats_type}${speed_perturb_factors:+_sp}$(tag_of "${sv_args}")}
    way=${score_tag:+_${score_tag}} segments='' embeddings=embeddings
    if [ -z "${score_tag}" ]; then
        way=$(way_of_segments)
        if [ "${score_norm}" != none ]; then
            way+=_${score_norm}
            [ "${score_norm}" != as_norm ] || [ "${top_n}" -eq 300 ] || way+=_top${top_n}
            [ "${cohort_set:-${train_set}} ${cohort_utts}" = "${train_set} 10" ] || way+=_${cohort_set:-${train_set}}${cohort_utts}
        fi
    fi
    if [ "${scoring}" != cosine ]; then
        embeddings+=_segments segments="--num_segments ${num_segments} --segment_seconds ${segment_seconds}"
    fi
    audio_root=${dumpdir}/raw feats_root=${dumpdir}/raw
    if [ -n "${se_exp}" ]; then
        se_name=se_$(name_of "${se_exp}" | sed 's/^se_//')
        way+=_${se_name} embeddings+=_${se_name} audio_root=${dumpdir}/${se_name}
    fi
    vectors=${embeddings}
    if [ -n "${ee_exp}" ]; then
        [ -f "${ee_exp}" ] || ee_exp=${ee_exp%/}
        ee_name=ee_$(name_of "${ee_exp}" | sed 's/^ee_//')
        way+=_${ee_name} vectors+=_${ee_name}
        floor_config='' # whose embeddings are others
    fi
    floor_exp='' systems=${sv_exp}
    if [ -n "${floor_config}" ]; then floor_exp=${expdir}/$(basename "${floor_config}" .yaml) systems+=" ${floor_exp}"; fi
    if "${train_enhanced}"; then feats_root=${audio_root}; fi
    all_valid_dirs=$(printf "${feats_root}/%s " ${all_valid})
    [ "${feats_type}" = raw ] || feats_root=${dumpdir}/${feats_type}
    stats=${expdir}/sv_stats_${feats_type}/${train_sim}
    groups="${breakdown:+--breakdown ${breakdown}} ${duration_edges:+--duration_edges ${duration_edges}}"
}

check_configs() { # before any work: every key of every config that the stages asked for will read
    local config stream mixing
    check_inference_model "${sv_exp}" eer
    check_experiment "${sv_exp}" sv
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 4 ]; then
        check_training sv "${sv_config}" "${sv_args}" "${feats_root}/${train_sim}" "${sv_exp}" ${all_valid_dirs}
    fi
    if runs_stage 7; then
        [ -z "${floor_config}" ] || later "--floor_config ${floor_config}: see above" check_network sv --config "${floor_config}"
        [ -z "${se_exp}" ] || later "--se_exp ${se_exp}: see above" check_network se --model "${se_exp}" --fs "${fs}" "${trusted[@]}"
        [ -z "${ee_exp}" ] || later "--ee_exp ${ee_exp}: see above" check_network ee --model "${ee_exp}" "${trusted[@]}"
    fi
    if [ "${stage}" -le 6 ]; then
        for config in ${simulate_train_config} ${simulate_valid_config}; do check_plan "" "${config}"; done
        [ "${all_tests}" = "${test_sets}" ] || check_grid "${simulate_test_config}"
    fi
    run_checks "${sv_exp}"
    [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 4 ] || check_stream
    if [ "${stage}" -gt 1 ] || [ ! -d "data/${train_set}" ]; then check_breakdown data "${test_sets}"; fi
}

check_stream() { # what the config trains from, and whether it adds noise, go with the options
    local mixing
    mixing=$(answer_of mixing)
    case "${feats_type} $(answer_of stream)" in
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
    if "${mixing}" && [ -n "${simulate_train_config}" ] && [ "$(answer_of plan)" = mixing ]; then
        die "${sv_config} adds noise to what it reads, and --simulate_train_config ${simulate_train_config} has added noise" \
            "before; give --simulate_train_config \"\", or --sv_args \"--data.init_args.planner null\""
    fi
}

check_sets() { # before training: what it and stage 8 need of sets
    local set lists='' more=''
    if runs_stage 6; then lists+=" ${all_valid}"; fi
    if runs_stage 8; then
        lists+=" ${all_tests}" more=${cohort:+${cohort_set:-${train_set}}}
        if "${calibrate}"; then lists+=" ${calibration_set}"; fi
    fi
    if "${dry_run}"; then return 0; fi
    for set in ${lists} ${more}; do
        [ -d "${dumpdir}/raw/${set}" ] || die "${dumpdir}/raw/${set}: data dir not found; run the stages before," \
            "or name another set (--test_sets, --valid_sets, --calibration_set, --cohort_set)"
    done
    [ -z "${more}" ] || [ "$(cut -d ' ' -f 2 "${dumpdir}/raw/${more}/utt2spk" 2>/dev/null | LC_ALL=C sort -u | wc -l)" -ge 2 ] ||
        die "--score_norm ${score_norm}: ${dumpdir}/raw/${more}: a cohort must have two speakers at least (--cohort_set)"
    check_trials "${dumpdir}/raw" "${lists}"
}

plan_all() {
    local set speeds=()
    if [ -n "${speed_perturb_factors}" ]; then
        speeds=(--planner.speeds "$(as_list "${speed_perturb_factors}")" --planner.new_speakers true --each_speed)
    fi
    [ "${train_sim}" = "${train_set}" ] ||
        plan "${simulate_train_config}" "${train_set}" "${train_sim}" --copies "${train_copies}" "${speeds[@]}"
    [ -z "${simulate_valid_config}" ] || for set in ${valid_sets}; do plan "${simulate_valid_config}" "${set}" "${set}_sim"; done
    [ "${all_tests}" = "${test_sets}" ] || for set in ${test_sets}; do plan_grid "${simulate_test_config}" "${set}"; done
    make_plans "${simulated} $([ "${train_streams}" = wav ] || echo "${train_sim}")"
}

make_floor_and_cohort() {
    [ -z "${floor_config}" ] || make_system "${floor_config}" "${floor_exp}"
    [ -z "${cohort}" ] ||
        act utils/subset_data_dir.sh --per-spk "${dumpdir}/raw/${cohort_set:-${train_set}}" "${cohort_utts}" "${dumpdir}/raw/${cohort}"
}

score_system() { # score_system SYSTEM FOLDER SETS OPTIONS [DEPS]
    local root=$1/${vectors} words="--scoring ${scoring} $4" deps=''
    if [ -n "${cohort}" ]; then
        words+=" --score_norm ${score_norm} --cohort ${root}/${cohort}/embedding.scp --cohort_utt2spk ${root}/${cohort}/utt2spk"
        [ "${score_norm}" != as_norm ] || words+=" --top_n ${top_n}"
        deps+=" ${root}/${cohort}/.done.embed"
    fi
    if "${calibrate}" && [ "$2" = "scores${way}" ]; then
        words+=" --calibration $1/calibration${way}/calibration.json" deps+=" $1/calibration${way}/calibration.json"
    fi
    "${steps}/score_trials.sh" "${decode_step[@]}" --logs "$1/logs/$2" --deps "${deps}" --opts "${words}" \
        "${dumpdir}/raw" "${root}" "$1/$2" $3
}

calibrate_system() {
    score_system "$1" "calibration${way}" "${calibration_set}" "--resamples 0"
    "${steps}/calibrate.sh" "${plain_step[@]}" "${dumpdir}/raw" "$1/calibration${way}" ${calibration_set}
}

listen() { # to what a model makes of the noisiest sets that estimates the speech
    local set kind noisiest=() clean=() weights=${sv_exp}/${inference_model}
    for set in ${test_sets}; do
        clean+=("${dumpdir}/raw/${set}")
        for kind in ${test_noises} ${ood_noises}; do
            noisiest+=("${dumpdir}/raw/${set}_${kind}_$(printf '%s\n' ${snrs} | sort -g | sed -n 1p)")
        done
    done
    if [ "${#noisiest[@]}" -eq 0 ] || [ ! -e "${weights}" ] || ! ls -d "${noisiest[@]}" >/dev/null 2>&1 || "${dry_run}"; then return 0; fi
    once "${sv_exp}/.done.listening" listening "${noisiest[*]} ${clean[*]}" "${weights} ${sv_exp}/config.yaml" "" \
        "${python}" -m toolkit.bin.listen_trials --model "${sv_exp}" --weights "${inference_model}" --trust \
        --sets "${noisiest[@]}" --clean "${clean[@]}" --output "${sv_exp}/listening"
}
