#!/usr/bin/env bash
# Enhancement of speaker embeddings, from unlabelled speech to a table of error rates. Called by the recipes' run.sh with
# their sets and configs. Options, and the names that follow from them: toolkit/recipes/ee.py; ./run.sh --help prints them.
# shellcheck disable=SC2119
task=ee
. "$(dirname "$(readlink -f "$0")")/../lib/open.sh"

embed_pairs() { # embed_pairs CONFIG SETS OPTIONS
    "${steps}/pairs.sh" "${decode_step[@]}" --weights "${inference_model}" --crop_seconds "${crop_seconds}" \
        --deps "${sounds}" --opts "$3" "$1" "${system}" "${dumpdir}/raw" "${pairs}" $2
}

embed_tests() { # embed_tests AUDIO OUT_ROOT
    "${steps}/embed.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${segments}" "${system}" "$1" "$2" ${all_tests} ${calibrated}
}

score_sets() { # score_sets SYSTEM FOLDER VECTORS SETS RESAMPLES [CALIBRATION]
    "${steps}/score_trials.sh" "${decode_step[@]}" --logs "$1/logs/$2" --deps "${6:-}" \
        --opts "--scoring ${scoring} --resamples $5 ${6:+--calibration $6}" "${dumpdir}/raw" "$3" "$1/$2" $4
}

score_system() { # score_system SYSTEM FOLDER VECTORS: calibrated, if there are sets for it
    local fitted=${2/scores/calibration} calibration=''
    if [ -n "${calibrated}" ]; then
        score_sets "$1" "${fitted}" "$3" "${calibrated}" 0
        "${steps}/calibrate.sh" "${plain_step[@]}" --opts "--p_target ${p_target}" "${dumpdir}/raw" "$1/${fitted}" ${calibrated}
        calibration=$1/${fitted}/calibration.json
    fi
    score_sets "$1" "$2" "$3" "${all_tests}" "${resamples}" "${calibration}"
}

measure_spread() { # EER over seeds of the noise, for networks that draw any
    local out=${exp}/sampling${scores_tag}.json dry=''
    [ "${spread_seeds}" -gt 1 ] || return 0
    ! "${dry_run}" || dry=--dry_run
    "${python}" -m toolkit.bin.stage once ${dry} --mark "${exp}/.done.sampling${scores_tag}" --what "spread over seeds" \
        --cmd "${decode_cmd}" --log "${exp}/logs/sampling/score.log" \
        --deps $(files_of "${exp}" "valid.*.ave.pth") $(printf "${embedded}/%s/.done.embed " ${all_tests}) \
        --outputs "${out}" -- "${python}" -m toolkit.bin.score_seeds --model "${exp}" --trust --in_root "${embedded}" \
        --data_root "${dumpdir}/raw" --sets ${all_tests} --seeds "${spread_seeds}" --draws "${spread_draws}" \
        --timesteps ${spread_timesteps} --scoring "${scoring}" --output "${out}"
}

measure_cost() { # measure_cost OUTPUT SYSTEM...: size, time and memory of systems one behind the other
    local one files=''
    for one in "${@:2}"; do files+=" $(files_of "${one}" "valid.*.ave.pth")"; done
    once "${1%/*}/.done.${1##*/}" costs "" "${files}" "$1" \
        "${python}" -m toolkit.bin.system_cost --systems "${@:2}" --trust --output "$1"
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

check_run

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    validate "${train_set} ${valid_sets} ${test_sets} ${calibration_set} ${extra_sets} ${room_sets}"
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then format_all "${train_set} ${valid_sets} ${test_sets} ${calibration_set}"; fi

if runs_stage 3 && say_stage 3 "simulation -> data/*/mix.jsonl, ${dumpdir}/raw" && [ -n "${rendered}" ]; then
    make_plans
    render "${rendered}"
fi
check_made dump
remade ${unmade}

if runs_stage 4 && say_stage 4 "embeddings of speech and its variants -> ${pairs}"; then
    embed_pairs "${pairs_config}" "${train_set}" "--draws ${pair_draws}"
    embed_pairs "${valid_pairs_config}" "${valid_sets}" ""
fi

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then make_stats "${pairs}/${train_set}"; fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    inference_model=valid.distance.ave.pth train "${pairs}/${train_set}" "$(printf "${pairs}/%s " ${valid_sets})"
fi

if runs_stage 7 && say_stage 7 "embeddings of ${all_tests} -> ${embedded}, ${exp}/${embeddings}"; then
    embed_tests "${dumpdir}/raw" "${embedded}"
    enhance_embeddings "${exp}" "${embedded}" "${exp}/${embeddings}" "${all_tests} ${calibrated}" \
        "--trust --seed ${sampling_seed} --draws ${sampling_draws}"
    [ -z "${cascade}" ] || enhance_audio "${se_exp}" "${dumpdir}/${cascade}" "${all_tests} ${calibrated}"
    [ -z "${cascade}" ] || embed_tests "${dumpdir}/${cascade}" "${embedded}_${cascade}"
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores${scores_tag}, ${raw_exp}/scores"; then
    score_system "${raw_exp}" "scores${segments_tag}" "${embedded}"
    [ -z "${cascade}" ] || score_system "${raw_exp}" "scores${segments_tag}_${cascade}" "${embedded}_${cascade}"
    score_system "${exp}" "scores${scores_tag}" "${exp}/${embeddings}"
    measure_spread
    measure_cost "${raw_exp}/cost${segments_tag}.json" "${system}"
    [ -z "${cascade}" ] || measure_cost "${raw_exp}/cost${segments_tag}_${cascade}.json" "${se_exp}" "${system}"
    measure_cost "${exp}/cost${scores_tag}.json" "${system}" "${exp}"
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then
    report_trials "${raw_exp}/x" $(compgen -G "${expdir}/*/cost*.json" | LC_ALL=C sort) # of all that stage 8 has scored
fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then pack; fi
finish_run
exit 0
}
