# Embeddings and scores of trials: sourced by sv.sh, and by signal.sh for a verification of what se.sh and tse.sh make.
# shellcheck shell=bash disable=SC2154

# check_verifier SYSTEM [options of check_network]: --sv_exp names an experiment in speaker verification, or a packed.zip.
check_verifier() {
    [ -f "$1/config.yaml" ] || [ -f "$1" ] || die "--sv_exp $1: no such experiment or packed.zip"
    runs_stage 7 || runs_stage 8 || return 0
    later "--sv_exp $1: see above; it names an experiment in speaker verification, e.g. ../sv/exp/sv_<x>, or its packed.zip" \
        check_network sv --model "$@" "${trusted[@]}"
}

# name_extractor: what makes embeddings, --sv_exp or --extractor_config: its name (extractor), what programs load (system)
# and the folder that one without training gets (raw_exp)
name_extractor() {
    if [ -n "${sv_exp}" ]; then
        [ -f "${sv_exp}/config.yaml" ] || [ -f "${sv_exp}" ] || die "--sv_exp ${sv_exp}: no such experiment or packed.zip"
        [ -f "${sv_exp}" ] || sv_exp=${sv_exp%/}
        extractor_config=
    fi
    extractor=$(if [ -n "${sv_exp}" ]; then name_of "${sv_exp}"; else basename "${extractor_config}" .yaml; fi)
    extractor=${extractor_name:-${extractor}}
    raw_exp=${expdir}/${extractor}
    system=${sv_exp:-${raw_exp}}
}

# check_extractor WEIGHTS: it is for speaker verification, at --fs. The recipe's own config may name classes of its user;
# what --sv_exp names may not.
check_extractor() {
    if [ -n "${sv_exp}" ]; then
        later "--sv_exp ${sv_exp}: see above" \
            check_network sv --model "${sv_exp}" --weights "$1" --fs "${fs}" "${trusted[@]}"
    else
        later "--extractor_config ${extractor_config}: see above" check_network sv --config "${extractor_config}" --fs "${fs}"
    fi
}

# make_extractor: one without training has its folder, as any other
make_extractor() {
    if [ -n "${sv_exp}" ] || "${dry_run}"; then return 0; fi
    mkdir -p "${raw_exp}"
    "${python}" -m toolkit.bin.check_network sv --config "${extractor_config}" --whole "${raw_exp}/config.yaml" || exit 1
}

# files_of SYSTEM WEIGHTS: what a product of a trained system depends on: its packed.zip, or config and weights
files_of() {
    if [ -d "$1" ]; then
        compgen -G "$1/config.yaml"
        compgen -G "$1/$2" || true
    else
        echo "$1"
    fi
}

# embed_sets SYSTEM WEIGHTS IN_ROOT OUT_ROOT SETS [options of embed_utterances]: by an experiment's folder or a packed.zip
embed_sets() {
    local system=$1 weights=$2 in_root=$3 out_root=$4 sets=$5
    shift 5
    run_jobs --name embed --cmd "${decode_cmd} --gpu $("${gpu_inference}" && echo 1 || echo 0)" --nj "${inference_nj}" \
        --in_root "${in_root}" --out_root "${out_root}" --sets "${sets}" --stems embedding --deps "$(files_of "${system}" "${weights}")" -- \
        "${python}" -m toolkit.bin.embed_utterances --model "${system}" --weights "${weights}" \
        --device "$("${gpu_inference}" && echo cuda || echo cpu)" "$@"
}

# enhance_first SE_EXP OUT_ROOT SETS: what is embedded, enhanced by an experiment in speech enhancement or a packed.zip
enhance_first() {
    run_jobs --name enhance --cmd "${decode_cmd} --gpu $("${gpu_inference}" && echo 1 || echo 0)" --nj "${inference_nj}" \
        --in_root "${dumpdir}/raw" --out_root "$2" --sets "$3" --deps "$(files_of "$1" valid.loss.ave.pth)" -- \
        "${python}" -m toolkit.bin.enhance_audio --model "$1" --device "$("${gpu_inference}" && echo cuda || echo cpu)" "${trusted[@]}"
}

# enhance_vectors EE_EXP IN_ROOT OUT_ROOT SETS [options of enhance_embeddings]: by an experiment's folder or a packed.zip
enhance_vectors() {
    local system=$1 in_root=$2 out_root=$3 sets=$4
    shift 4
    run_jobs --name embed --cmd "${decode_cmd}" --nj 1 --in_root "${in_root}" --out_root "${out_root}" --sets "${sets}" \
        --stems embedding --deps "$(files_of "${system}" valid.distance.ave.pth)" -- \
        "${python}" -m toolkit.bin.enhance_embeddings --model "${system}" "$@"
}

# name_of SYSTEM: of an experiment's folder or a packed.zip
name_of() {
    basename "${1%/packed.zip}" .zip
}

# lists_of SETS: <set>/trials<_x> of each set; a set with lists trials_<x> beside trials, or in its place, has several
lists_of() {
    local set
    for set in $1; do
        (cd "${dumpdir}/raw" 2>/dev/null && find "${set}" -name 'trials*' 2>/dev/null | LC_ALL=C sort) || echo "${set}/trials"
    done
}

# queue_scores LIST VECTORS OUT FILES [options of score_trials]: append to scores=() what scores the trials dump/raw/LIST
# (<set>/trials<_x>) by the embeddings in VECTORS as <set><_x>, from FILES.
queue_scores() {
    local list=$1 vectors=$2 out=$3 files=$4 set=${1%/*} file
    shift 4
    local raw=${dumpdir}/raw/${set}
    for file in ${files}; do
        "${dry_run}" || [ -f "${file}" ] || die "${file%/*}: not found, or not whole; run the stage before (--stage 7)"
    done
    scores+=("${out}" "$(signature_line "${raw}" "${list} $*" "${files}")" "$(printf '%q ' "${python}" -m toolkit.bin.score_trials \
        --trials "${dumpdir}/raw/${list}" --utt2spk "${raw}/utt2spk" --name "${set}${list##*/trials}" --data_dir "${raw}" \
        --embeddings "${vectors}/embedding.scp" --output "${out}" "$@")")
}

# score_queue LOGDIR WHAT SETS: each of scores=() in a job, unless OUT holds the scores of just this command, set and FILES;
# WHAT and SETS are for the log
score_queue() {
    local logdir=$1 what=$2 sets=$3 count=0 at out signed sig todo=()
    if "${dry_run}"; then
        for ((at = 0; at < ${#scores[@]}; at += 3)); do
            out=${scores[at + 1]%%$'\t'*}
            # shellcheck disable=SC2086
            if [ ! -d "${out}" ] || is_remade "${out}" ${scores[at + 1]##*$'\t'} || ! ls ${scores[at + 1]##*$'\t'} >/dev/null 2>&1; then
                scores[at + 1]=
            fi
        done
    fi
    signed=$(for ((at = 1; at < ${#scores[@]}; at += 3)); do
        [ -z "${scores[at]}" ] || echo "${scores[at]}"
    done | signatures) || exit 1
    for ((at = 0; at < ${#scores[@]}; at += 3)); do
        out=${scores[at]} sig=
        if [ -n "${scores[at + 1]}" ]; then sig=${signed%%$'\n'*} signed=${signed#*$'\n'}; fi
        if done_before "${out}/.done" "${sig}"; then continue; fi
        count=$((count + 1))
        todo+=("${out}" "${scores[at + 2]}&& echo ${sig} >$(printf %q "${out}")/.done")
    done
    if [ "${count}" -eq 0 ]; then
        log "scoring: all done before: ${sets}"
        return
    fi
    if "${dry_run}"; then
        note "scoring: to do: ${count} of $(counted $((${#scores[@]} / 3)) list) into ${what}"
        for ((at = 0; at < ${#todo[@]}; at += 2)); do remade+="${todo[at]} "; done
    else
        mkdir -p "${logdir}"
        : >"${logdir}/work"
        for ((at = 0; at < ${#todo[@]}; at += 2)); do
            mkdir -p "${todo[at]}"
            rm -f "${todo[at]}/.done"
            echo "${todo[at + 1]}" >>"${logdir}/work"
        done
        log "scoring: $(counted "${count}" set) into ${what}, logs in ${logdir}"
    fi
    submit "${decode_cmd} --max-jobs-run ${inference_nj}" "${logdir}" "JOB=1:${count}" "${logdir}/score.JOB.log" \
        utils/run_line.sh "${logdir}/work" JOB
    "${dry_run}" || say_warnings "${logdir}"/score.*.log
}
