#!/usr/bin/env bash
# Speaker verification, from a corpus to a table of error rates. Called by the recipes' run.sh with their sets and configs.
# Options, and the names that follow from them: toolkit/recipes/sv_options.py, sv_names.py; ./run.sh --help prints options.
task=sv
. "$(dirname "$(readlink -f "$0")")/../lib/open.sh"

embed_system() { # embed_system SYSTEM
    "${steps}/embed.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${segments}" \
        "$1" "${audio_root}" "$1/${embeddings}" ${embedded}
    [ -z "${ee_exp}" ] || enhance_embeddings "${ee_exp}" "$1/${embeddings}" "$1/${vectors}" "${embedded}" "${trusted}"
}

score_system() { # score_system SYSTEM FOLDER SETS OPTIONS
    local root=$1/${vectors} options="--scoring ${scoring} $4" deps=''
    if [ -n "${cohort}" ]; then
        options+=" --score_norm ${score_norm} --cohort ${root}/${cohort}/embedding.scp --cohort_utt2spk ${root}/${cohort}/utt2spk"
        [ "${score_norm}" != as_norm ] || options+=" --top_n ${top_n}"
        deps+=" ${root}/${cohort}/.done.embed"
    fi
    if "${calibrate}" && [ "$2" = "scores${scores_tag}" ]; then
        options+=" --calibration $1/calibration${scores_tag}/calibration.json" deps+=" $1/calibration${scores_tag}/calibration.json"
    fi
    "${steps}/score_trials.sh" "${decode_step[@]}" --logs "$1/logs/$2" --deps "${deps}" --opts "${options}" \
        "${dumpdir}/raw" "${root}" "$1/$2" $3
}

calibrate_system() { # calibrate_system SYSTEM
    score_system "$1" "calibration${scores_tag}" "${calibration_set}" "--resamples 0"
    "${steps}/calibrate.sh" "${plain_step[@]}" "${dumpdir}/raw" "$1/calibration${scores_tag}" ${calibration_set}
}

listen() { # to what a model makes of the noisiest sets that estimates the speech
    local noisy clean weights=${exp}/${inference_model}
    noisy=$(printf "${dumpdir}/raw/%s " ${noisiest}) clean=$(printf "${dumpdir}/raw/%s " ${test_sets})
    if [ -z "${noisiest}" ] || [ ! -e "${weights}" ] || ! ls -d ${noisy} >/dev/null 2>&1 || "${dry_run}"; then return 0; fi
    once "${exp}/.done.listening" listening "${noisy} ${clean}" "${weights} ${exp}/config.yaml" "" \
        "${python}" -m toolkit.bin.listen_trials --model "${exp}" --weights "${inference_model}" --trust \
        --sets ${noisy} --clean ${clean} --output "${exp}/listening"
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

prepare_sets # stages 1 to 3
check_made dump

if runs_stage 4 && say_stage 4 "features -> ${feats_root}"; then
    ! "${train_enhanced}" || enhance_audio "${se_exp}" "${audio_root}" "${train_sim} ${all_valid}"
    [ "${feats_type}" = raw ] ||
        "${steps}/features.sh" "${data_step[@]}" "${sv_config}" "${dumpdir}/raw" "${feats_root}" "${train_sim}"
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${feats_root}/${train_sim}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train "${feats_root}/${train_sim}" "${valid_dirs}"
fi

if runs_stage 7 && say_stage 7 "embeddings of ${embedded} -> ${exp}/${embeddings}"; then
    remade ${unmade}
    [ -z "${cohort}" ] ||
        act utils/subset_data_dir.sh --per-spk "${dumpdir}/raw/${cohort_source}" "${cohort_utts}" "${dumpdir}/raw/${cohort}"
    [ -z "${se_exp}" ] || enhance_audio "${se_exp}" "${audio_root}" "${embedded}"
    for system in ${systems}; do embed_system "${system}"; done
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores${scores_tag}"; then
    for system in ${systems}; do
        ! "${calibrate}" || calibrate_system "${system}"
        score_system "${system}" "scores${scores_tag}" "${all_tests}" "--resamples ${resamples} ${groups}"
    done
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then
    listen
    report_trials $(compgen -G "${expdir}/*/results*.json" | LC_ALL=C sort; compgen -G "${floor_exp:-/none}/scores*/")
fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack --weights "${inference_model}"; fi
finish_run
exit 0
}
