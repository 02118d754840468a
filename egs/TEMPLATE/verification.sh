# Embeddings and scores of trials: sourced by sv.sh, and by signal.sh for a verification of what se.sh and tse.sh make.
# shellcheck shell=bash disable=SC2154

# check_verifier SYSTEM: --sv_exp names an experiment in speaker verification (the others have a reference), or a packed.zip.
check_verifier() {
    [ -f "$1/config.yaml" ] || [ -f "$1" ] || die "--sv_exp $1: no such experiment or packed.zip"
    [ -f "$1" ] || ! grep -q '^reference:' "$1/config.yaml" ||
        die "--sv_exp $1: this is no experiment in speaker verification; name one of the SV recipe, e.g. ../sv/exp/sv_<x>"
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

# embed_sets SYSTEM WEIGHTS IN_ROOT OUT_ROOT SETS [options of sv_embed]: by an experiment's folder or a packed.zip
embed_sets() {
    local system=$1 weights=$2 in_root=$3 out_root=$4 sets=$5
    shift 5
    run_jobs --name embed --cmd "${decode_cmd} --gpu $("${gpu_inference}" && echo 1 || echo 0)" --nj "${inference_nj}" \
        --in_root "${in_root}" --out_root "${out_root}" --sets "${sets}" --stems embedding --deps "$(files_of "${system}" "${weights}")" -- \
        "${python}" -m toolkit.bin.sv_embed --system "${system}" --model "${weights}" \
        --device "$("${gpu_inference}" && echo cuda || echo cpu)" "$@"
}

# queue_scores WORK LIST VECTORS OUT FILES [options of sv_score]: a line of the file WORK that scores the trials
# dump/raw/LIST (<set>/trials<_x>) by the embeddings in VECTORS as <set><_x>, unless OUT holds the scores of just this
# command, set and FILES, which must be there.
queue_scores() {
    local work=$1 list=$2 vectors=$3 out=$4 files=$5 set=${2%/*} sig file
    shift 5
    local raw=${dumpdir}/raw/${set}
    for file in ${files}; do
        [ -f "${file}" ] || die "${file%/*}: is not there, or not whole; run the stage before (--stage 7)"
    done
    # shellcheck disable=SC2086
    sig=$(signature "${raw}" "${list} $*" ${files})
    [ "$(cat "${out}/.done" 2>/dev/null)" != "${sig}" ] || return 0
    mkdir -p "${out}"
    rm -f "${out}/.done"
    {
        printf '%q ' "${python}" -m toolkit.bin.sv_score --trials "${dumpdir}/raw/${list}" --utt2spk "${raw}/utt2spk" \
            --name "${set}${list##*/trials}" --data_dir "${raw}" --embeddings "${vectors}/embedding.scp" --output "${out}" "$@"
        printf '&& echo %q >%q\n' "${sig}" "${out}/.done"
    } >>"${work}"
}

# score_queue LOGDIR WHAT SETS: each line of LOGDIR/work, a job each; WHAT and SETS are for the log
score_queue() {
    local logdir=$1 what=$2 sets=$3 count
    count=$(wc -l <"${logdir}/work")
    if [ "${count}" -eq 0 ]; then
        log "scoring: all done before: ${sets}"
        return
    fi
    log "scoring: ${count} sets into ${what}, logs in ${logdir}"
    submit "${decode_cmd} --max-jobs-run ${inference_nj}" "${logdir}" "JOB=1:${count}" "${logdir}/score.JOB.log" \
        utils/run_line.sh "${logdir}/work" JOB
    say_warnings "${logdir}"/score.*.log
}
