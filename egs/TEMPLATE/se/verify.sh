# Verification of enhanced speech, and sweeps of a loss. Sourced by se.sh.

sweep_alphas() { # the same command once for each; what stages 1 to 5 make is all theirs
    local alpha first=${stage}
    for alpha in ${alphas}; do
        log "alpha ${alpha}"
        "$0" "${arguments[@]}" --alphas '' --stage "${first}" --se_tag "${exp#"${expdir}/se_"}_alpha${alpha}" \
            --se_args "${se_args} --loss.init_args.alpha ${alpha}"
        first=$((stage < 6 ? 6 : stage))
    done
    exit 0
}

embed_audio() { # embed_audio AUDIO OUT_ROOT SETS
    "${steps}/embed.sh" "${decode_step[@]}" --opts "${trusted}" "${sv_exp}" "$1" "$2" $3
}

embed_all() { # of every test set, the clean stream too
    local out clean=${expdir}/${sv_name}/clean
    for out in ${verified}; do
        case "${out##*/}" in
            noisy) embed_audio "${dumpdir}/raw" "${out}/embeddings" "${all_tests}" ;;
            enhanced*) embed_audio "${exp}/${out##*/}" "${out}/embeddings" "${all_tests}" ;;
        esac
    done
    distinct_audio "${dumpdir}/raw" "${clean}/audio" ${all_tests}
    if "${dry_run}"; then return 0; fi
    embed_audio "${clean}/audio" "${clean}/embeddings" distinct
    spread "${clean}/embeddings" "${clean}/audio" embedding.scp ${all_tests}
}

verify_all() { # the trials of every test set, both sides noisy, both enhanced, both clean
    local out
    for out in ${verified}; do
        "${steps}/score_trials.sh" "${decode_step[@]}" --logs "${exp}/${sv_name}/logs" --opts "--resamples ${resamples}" \
            "${dumpdir}/raw" "${out}/embeddings" "${out}/scores" ${all_tests}
    done
}
