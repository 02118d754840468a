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

embed_all() { # of every test set, the clean stream too: each of its recordings once, though sets of several SNRs hold it
    local out set clean=${expdir}/${sv_name}/clean
    for out in ${verified}; do
        case "${out##*/}" in
            noisy) embed_audio "${dumpdir}/raw" "${out}/embeddings" "${all_tests}" ;;
            enhanced*) embed_audio "${exp}/${out##*/}" "${out}/embeddings" "${all_tests}" ;;
        esac
    done
    if "${dry_run}"; then return 0; fi
    once "${clean}/audio/.done" "clean audio" "$(printf "${dumpdir}/raw/%s " ${all_tests})" "" "" \
        "${python}" -m toolkit.bin.distinct_audio --data_root "${dumpdir}/raw" --sets ${all_tests} --stream spk1 \
        --output "${clean}/audio"
    embed_audio "${clean}/audio" "${clean}/embeddings" distinct
    for set in ${all_tests}; do
        if cmp -s "${clean}/embeddings/distinct/.done.embed" "${clean}/embeddings/${set}/.done.embed"; then continue; fi
        mkdir -p "${clean}/embeddings/${set}"
        rm -f "${clean}/embeddings/${set}/.done.embed"
        awk 'NR == FNR { at[$1] = $2; next } { print $1, at[$2] }' "${clean}/embeddings/distinct/embedding.scp" \
            "${clean}/audio/${set}/utt2distinct" >"${clean}/embeddings/${set}/embedding.scp"
        cp "${clean}/embeddings/distinct/.done.embed" "${clean}/embeddings/${set}/.done.embed"
    done
}

verify_all() { # the trials of every test set, both sides noisy, both enhanced, both clean
    local out
    for out in ${verified}; do
        "${steps}/score_trials.sh" "${decode_step[@]}" --logs "${exp}/${sv_name}/logs" --opts "--resamples ${resamples}" \
            "${dumpdir}/raw" "${out}/embeddings" "${out}/scores" ${all_tests}
    done
}
