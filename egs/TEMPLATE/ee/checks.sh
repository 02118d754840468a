# What the stages of ee.sh are given: checks of its options, names, and what only it measures. Sourced by ee.sh.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154

check_ee_options() {
    check_scoring
    check_files extractor_config "${extractor_config}" ee_config "${ee_config}" pairs_config "${pairs_config}" \
        valid_pairs_config "${valid_pairs_config}" simulate_test_config "${simulate_test_config}"
    [ -n "${simulate_test_config}" ] || [ -z "${test_noises}${ood_noises}" ] ||
        die "--test_noises ${test_noises} --ood_noises ${ood_noises}: --simulate_test_config must name the config of these noises"
    check_counts pair_draws "${pair_draws}" sampling_draws "${sampling_draws}"
    check_counts_or_0 spread_timesteps "${spread_timesteps}" num_segments "${num_segments}" sampling_seed "${sampling_seed}" \
        spread_seeds "${spread_seeds}" spread_draws "${spread_draws}"
    check_numbers crop_seconds "${crop_seconds}" segment_seconds "${segment_seconds}"
    check_names ee_tag "${ee_tag}" extractor_name "${extractor_name}"
    name_extractor
    [ -n "${sv_exp}${extractor_config}" ] || die "--sv_exp or --extractor_config must say what makes the embeddings"
    check_system se_exp "${se_exp}" enhancement
}

name_experiment() {
    local tag
    train_config=${ee_config} train_args=${ee_args}
    all_tests="${test_sets}$(grid_of "${test_sets}")"
    tag=$(basename "${ee_config}" .yaml)
    [[ "_${tag}_" == *"_${extractor}_"* ]] || tag+=_${extractor}
    ee_exp=${expdir}/ee_${ee_tag:-${tag}$(tag_of "${ee_args}")}
    raw_way=$(way_of_segments) segments=''
    embedded=${dumpdir}/embed/${extractor}${raw_way:+_segments} embeddings=embeddings${raw_way:+_segments} way=${raw_way}
    [ -z "${raw_way}" ] || segments="--num_segments ${num_segments} --segment_seconds ${segment_seconds}"
    if [ "${sampling_seed} ${sampling_draws}" != "0 1" ]; then
        embeddings+=_seed${sampling_seed}x${sampling_draws} way+=_seed${sampling_seed}x${sampling_draws}
    fi
    pairs=${dumpdir}/pairs/${extractor} cascade=''
    [ -z "${se_exp}" ] || cascade=se_$(name_of "${se_exp}" | sed 's/^se_//')
}

check_configs() { # before any work: every key of every config that the stages asked for will read
    local config
    check_experiment "${ee_exp}" ee
    [ "${stage}" -gt 7 ] || check_extractor "${inference_model}"
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 4 ]; then
        check_training ee "${ee_config}" "${ee_args}" "${pairs}/${train_set}" "${ee_exp}" $(printf "${pairs}/%s " ${valid_sets})
        for config in ${pairs_config} ${valid_pairs_config}; do
            later "fix ${config}" embed_pairs --check --config "${config}" --known_sets "$(known_sets)"
        done
    fi
    if runs_stage 7 && [ -n "${se_exp}" ]; then
        later "--se_exp ${se_exp}: see above" check_network se --model "${se_exp}" --fs "${fs}" "${trusted[@]}"
    fi
    [ "${stage}" -gt 3 ] || [ "${all_tests}" = "${test_sets}" ] || check_grid "${simulate_test_config}"
    run_checks "${ee_exp}"
}

embed_pairs() { # embed_pairs CONFIG SETS OPTIONS
    "${steps}/pairs.sh" "${decode_step[@]}" --weights "${inference_model}" --crop_seconds "${crop_seconds}" \
        --deps "$(marks_of_sounds)" --opts "$3" "$1" "${system}" "${dumpdir}/raw" "${pairs}" $2
}

embed_tests() { # embed_tests AUDIO OUT_ROOT
    "${steps}/embed.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${segments}" "${system}" "$1" "$2" ${all_tests}
}

score_system() { # score_system SYSTEM FOLDER VECTORS
    "${steps}/score_trials.sh" "${decode_step[@]}" --logs "$1/logs/$2" --opts "--scoring ${scoring} --resamples ${resamples}" \
        "${dumpdir}/raw" "$3" "$1/$2" ${all_tests}
}

measure_spread() { # EER over seeds of the noise, for networks that draw any
    local out=${ee_exp}/sampling${way}.json options=()
    [ "${spread_seeds}" -gt 1 ] || return 0
    if "${dry_run}"; then
        note "spread over ${spread_seeds} seeds -> ${out}"
        return
    fi
    "${python}" -m toolkit.bin.stage once --mark "${ee_exp}/.done.sampling${way}" --what "spread over seeds" --cmd "${decode_cmd}" \
        --log "${ee_exp}/logs/sampling/score.log" --deps $(files_of "${ee_exp}" "valid.*.ave.pth") $(printf "${embedded}/%s/.done.embed " ${all_tests}) \
        --outputs "${out}" -- "${python}" -m toolkit.bin.score_seeds --model "${ee_exp}" --trust --in_root "${embedded}" \
        --data_root "${dumpdir}/raw" --sets ${all_tests} --seeds "${spread_seeds}" --draws "${spread_draws}" \
        --timesteps ${spread_timesteps} --scoring "${scoring}" --output "${out}"
}

measure_costs() { # size, time and memory of systems one behind the other
    cost "${raw_exp}/cost${raw_way}.json" "${system}"
    [ -z "${cascade}" ] || cost "${raw_exp}/cost${raw_way}_${cascade}.json" "${se_exp}" "${system}"
    cost "${ee_exp}/cost${way}.json" "${system}" "${ee_exp}"
}

cost() { # cost OUTPUT SYSTEM...
    local one files=''
    if "${dry_run}"; then
        note "costs -> $1"
        return
    fi
    for one in "${@:2}"; do files+=" $(files_of "${one}" "valid.*.ave.pth")"; done
    once "${1%/*}/.done.${1##*/}" costs "" "${files}" "$1" \
        "${python}" -m toolkit.bin.system_cost --systems "${@:2}" --trust --output "$1"
}
