# What only se.sh does: checks of its options, sweeps of a loss, verification of enhanced speech. Sourced by se.sh.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154

check_se_options() {
    local weights
    check_words '0|1|0?[.][0-9]+|1[.]0*' 'number from 0 to 1' observations "${observations}"
    check_words '[0-9]+[.]?[0-9]*(e-?[0-9]+)?|[.][0-9]+' 'number from 0' alphas "${alphas}"
    if [ "${fs}" -eq 8000 ]; then metrics=${metrics/pesq_wb/pesq_nb}; fi # wide band begins at 16 kHz
    if [ -n "${sv_exp}" ]; then
        check_verifier "${sv_exp}" --fs "${fs}"
        sv_name=sv_$(name_of "${sv_exp%/}" | sed 's/^sv_//')
    fi
    if [ -n "${init_from}" ]; then
        init_from=${init_from%/} weights=${init_from%/}/valid.loss.ave.pth
        [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 5 ] || "${skip_train}" || [ -f "${weights}" ] ||
            die "--init_from ${init_from}: no ${weights}; train that experiment first, or name another of ${expdir}/se_*"
        tag=${tag:-$(basename "${se_config}" .yaml)_from_$(basename "${init_from#"${expdir}/se_"}")$(tag_of "${train_args}")}
        train_args+=" --init_from ${weights}"
    elif [[ "$(basename "${se_config}")" == finetune_* ]] && runs_stage 6; then
        die "${se_config} goes on from the weights of another experiment: --init_from exp/se_<x>"
    fi
}

sweep_alphas() { # the same command once for each; what stages 1 to 5 make is all theirs
    local alpha first=${stage}
    for alpha in ${alphas}; do
        log "alpha ${alpha}"
        "$0" "${arguments[@]}" --alphas '' --stage "${first}" --se_tag "${exp#"${expdir}/se_"}_alpha${alpha}" \
            --se_args "${se_args} --loss.init_args.alpha ${alpha}" ||
            die "--alphas ${alphas}: the experiment of ${alpha} failed, see above (alpha is that of a Multitask loss)"
        first=$((stage < 6 ? 6 : stage))
    done
    exit 0
}

# check_verified_sets ROOT SETS: before training, what --sv_exp needs of the sets that are there: trials.
check_verified_sets() {
    local set without='' present=''
    if ! runs_stage 7 && ! runs_stage 8 || [ -z "${sv_exp}" ] || "${dry_run}"; then return 0; fi
    for set in $2; do
        [ -d "$1/${set}" ] || continue
        if [ -f "$1/${set}/trials" ]; then present+=" ${set}"; else without+=" $1/${set}"; fi
    done
    [ -z "${without}" ] || die "--sv_exp: no trials in${without}; draw them: ${python} -m toolkit.bin.make_trials${without}"
    check_trials "$1" "${present}"
}

# verified: the folders of what is verified. Noisy and clean audio is no experiment's own: all share its embeddings.
verified() {
    local beta
    printf '%s\n' "${expdir}/${sv_name}/noisy" "${expdir}/${sv_name}/clean" "${exp}/${sv_name}/enhanced"
    for beta in ${observations}; do echo "${exp}/${sv_name}/enhanced_beta${beta}"; done
}

embed_audio() { # embed_audio AUDIO OUT_ROOT SETS
    "${steps}/embed.sh" "${decode_step[@]}" --opts "${trusted[*]}" "${sv_exp}" "$1" "$2" $3
}

embed_all() { # of every test set, the clean stream too: each of its recordings once, though sets of several SNRs hold it
    local out set clean=${expdir}/${sv_name}/clean raw=()
    for out in $(verified); do
        case "${out##*/}" in
            noisy) embed_audio "${dumpdir}/raw" "${out}/embeddings" "${all_tests}" ;;
            enhanced*) embed_audio "${exp}/${out##*/}" "${out}/embeddings" "${all_tests}" ;;
        esac
    done
    if "${dry_run}"; then return 0; fi
    for set in ${all_tests}; do raw+=("${dumpdir}/raw/${set}"); done
    once "${clean}/audio/.done" "clean audio" "${raw[*]}" "" "" \
        "${python}" -m toolkit.bin.distinct_audio --data_root "${dumpdir}/raw" --sets ${all_tests} --stream spk1 \
        --output "${clean}/audio" || die "no clean audio to verify: see above"
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
    for out in $(verified); do
        "${steps}/score_trials.sh" "${decode_step[@]}" --logs "${exp}/${sv_name}/logs" --opts "--resamples ${resamples}" \
            "${dumpdir}/raw" "${out}/embeddings" "${out}/scores" ${all_tests}
    done
}
