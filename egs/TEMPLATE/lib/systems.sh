# Trained systems in a recipe: training, use, names, checks. Sourced by the task scripts, whose options are its variables.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154

tag_of() { # tag_of ARGS: what more options of training add to the name of an experiment
    [ -z "$1" ] || printf '_%s' "$(printf %s "${1#--}" | tr -sc 'A-Za-z0-9' '_')"
}

check_scoring() {
    case "${scoring}" in
        cosine | mean_cosine | neg_euclidean) ;;
        *) die "--scoring ${scoring}: it can be cosine, mean_cosine or neg_euclidean" ;;
    esac
}

way_of_segments() { # what --scoring adds to the name of scores
    [ "${scoring}" != cosine ] || return 0
    printf '_%s' "${scoring}"
    [ "${num_segments} ${segment_seconds}" = "10 4.015" ] || printf '_%s' "${num_segments}x${segment_seconds}"
}

# check_training TASK CONFIG ARGS TRAIN_DIR EXPDIR VALID_DIR...: queue the check of a training
check_training() {
    local words=()
    if runs_stage 6; then words=(--train_dir "$4" --valid_dirs "$(as_list "${*:6}")" --expdir "$5"); fi
    later "fix $2${3:+, or --$1_args \"$3\" (\"--<key> <value> ...\")}; ${python} -m toolkit.bin.train $1 --help lists the keys" \
        train "$1" --config "$2" "${words[@]}" $3 --known_sets "$(known_sets)" --check
}

answer_of() { # answer_of NAME: of the checks
    sed -n "s/^$1: //p" <<<"${answers}" | sed -n 1p
}

# train TASK TRAIN_DIR EXPDIR VALID_DIR...: stage 6
train() {
    local trained
    trained=$(answer_of trained)
    if "${dry_run}"; then
        note "training: ${trained:-to do}"
        [[ "${trained}" == "all done before"* ]] || remade "$3"
    fi
    warn_of_known_speakers --train_dir "$2" "${all_tests}"
    "${steps}/train.sh" --cmd "${cuda_cmd}" "${plain_step[@]}" --ngpu "${ngpu}" --num_nodes "${num_nodes}" \
        --weights "${inference_model}" --opts "${train_args}" --deps "$(marks_of_sounds) ${train_deps:-}" "$1" "${train_config}" "${@:2}"
}

make_system() { # make_system CONFIG EXPDIR: a system that needs no training has a folder, as any other
    if "${dry_run}"; then
        [ -f "$2/config.yaml" ] || remade "$2"
        return
    fi
    later "" check_network sv --config "$1" --whole "$2/config.yaml"
    run_queue "$2/.done.config" --outputs "$2/config.yaml" "$2/valid.eer.ave.pth"
}

enhance_audio() { # enhance_audio SE_EXP OUT_ROOT SETS
    "${steps}/infer.sh" "${decode_step[@]}" --name enhance --depends_on valid.loss.ave.pth --opts "${trusted[*]}" \
        se "$1" "${dumpdir}/raw" "$2" $3
}

enhance_embeddings() { # enhance_embeddings EE_EXP IN_ROOT OUT_ROOT SETS OPTIONS
    "${steps}/infer.sh" --cmd "${decode_cmd}" --nj 1 "${plain_step[@]}" --name embed --stems embedding \
        --depends_on valid.distance.ave.pth --opts "$5" ee "$1" "$2" "$3" $4
}

# check_verifier SYSTEM [options of check_network]: --sv_exp names an experiment in speaker verification, or a packed.zip.
check_verifier() {
    check_system sv_exp "$1"
    runs_stage 7 || runs_stage 8 || return 0
    later "--sv_exp $1: see above; it names an experiment in speaker verification, e.g. ../sv/exp/sv_<x>, or its packed.zip" \
        check_network sv --model "$@" "${trusted[@]}"
}

# name_extractor: what makes embeddings, --sv_exp or --extractor_config: its name (extractor), what programs load (system)
# and the folder that one without training gets (raw_exp)
name_extractor() {
    check_system sv_exp "${sv_exp}"
    if [ -n "${sv_exp}" ]; then
        [ -f "${sv_exp}" ] || sv_exp=${sv_exp%/}
        extractor_config=''
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
        later "--sv_exp ${sv_exp}: see above" check_network sv --model "${sv_exp}" --weights "$1" --fs "${fs}" "${trusted[@]}"
    else
        later "--extractor_config ${extractor_config}: see above" check_network sv --config "${extractor_config}" --fs "${fs}"
    fi
}

make_extractor() { # one without training has its folder, as any other
    [ -n "${sv_exp}" ] || make_system "${extractor_config}" "${raw_exp}"
}

# others_of EXPDIR FILE...: the folders of these files, other than EXPDIR
others_of() {
    [ $# -gt 1 ] || return 0
    printf '%s\n' "${@:2}" | xargs -r -d '\n' dirname | awk -v own="$1" '$0 != own && !seen[$0]++'
}

scored() { # of folders of experiments, a line each, those with scores of trials
    while read -r folder; do
        ! compgen -G "${folder}/scores*/*/metrics.json" >/dev/null || echo "${folder}"
    done
}
