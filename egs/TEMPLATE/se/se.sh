#!/usr/bin/env bash
# Speech enhancement, from a corpus to a table of SI-SDR, PESQ, STOI. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317
set -euo pipefail

task=se
task_name="Speech enhancement: the speech in a noisy recording."
task_help=$(cat <<'EOT'
  --init_from exp/se_<x>      train from another experiment's weights (its valid.loss.ave.pth): fine-tuning; becomes part of
                              the experiment's name, se_<config>_from_<x> (none)
  --alphas "0 0.01 0.1 1"     train, infer and score once for each of these weights of the SNR loss, of a config with a loss
                              beside it (loss.init_args.alpha); experiments se_<tag>_alpha<x>, one table and curves (none)
  --observations "0.1 0.2"    also score the output with so much of the mixture added back: (1 - beta) enhanced + beta mixture
                              (none)
  --sv_exp ../sv/exp/sv_<x>   experiment of the SV recipe (or its packed.zip): EER of the test sets' trials on noisy, enhanced
                              and clean audio, each trial with both sides alike (none)
EOT
)
output_name=enhanced
fs=16000
config=conf/train_convtasnet.yaml
metrics="si_sdr sdr pesq_wb stoi estoi"
breakdown=auto
init_from=
alphas=
observations=
sv_exp=
train_streams="wav spk1"
stage_4="(features are made on the fly)"

check_task_options() {
    plan_train_opts='' plan_test_opts=''
    check_words '0|1|0?[.][0-9]+|1[.]0*' 'number from 0 to 1' observations
    check_words '[0-9]+[.]?[0-9]*(e-?[0-9]+)?|[.][0-9]+' 'number from 0' alphas
    if [ "${fs}" -eq 8000 ]; then metrics=${metrics/pesq_wb/pesq_nb}; fi # wide band begins at 16 kHz
    if [ -n "${sv_exp}" ]; then
        check_verifier "${sv_exp}" --fs "${fs}"
        sv_name=$(basename "${sv_exp%/packed.zip}" .zip)
        sv_name=sv_${sv_name#sv_} trials_for=--sv_exp
    fi
    local weights=
    if [ -n "${init_from}" ]; then
        init_from=${init_from%/}
        weights=${init_from}/valid.loss.ave.pth
        [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 5 ] || "${skip_train}" || [ -f "${weights}" ] ||
            die "--init_from ${init_from}: no ${weights}; train that experiment first, or name another of ${expdir}/se_*"
        tag=$(experiment_tag "_from_$(basename "${init_from#"${expdir}/se_"}")")
    elif [[ "$(basename "${config}")" == finetune_* ]] && runs_stage 6; then
        die "${config} goes on from the weights of another experiment: --init_from exp/se_<x>"
    fi
    [ -z "${alphas}" ] || sweep_alphas
    train_args+="${weights:+ --init_from ${weights}}"
}

sweep_alphas() { # the same command once for each; what stages 1 to 5 make is all theirs
    local alpha first=${stage} named
    named=$(experiment_tag "")
    for alpha in ${alphas}; do
        log "alpha ${alpha}"
        eval "${command_line}$(printf ' %q' --alphas '' --stage "${first}" --se_tag "${named}_alpha${alpha}" \
            --se_args "${train_args} --loss.init_args.alpha ${alpha}")" ||
            die "--alphas ${alphas}: the experiment of ${alpha} failed, see above (alpha is that of a Multitask loss)"
        first=$((stage < 6 ? 6 : stage))
    done
    exit 0
}

simulate_more() { :; }

add_embeddings() { :; }

make_features() { log "none: the networks read audio"; }

infer_all() {
    local beta
    infer enhanced
    for beta in ${observations}; do infer "enhanced_beta${beta}" --observation "${beta}"; done
    [ -z "${sv_exp}" ] || embed_all
}

measure_all() {
    local beta
    measure enhanced "${metrics}"
    for beta in ${observations}; do measure "enhanced_beta${beta}" "${metrics}"; done
    [ -z "${sv_exp}" ] || verify_all
}

# verified: the folders of what is verified. Noisy and clean audio is no experiment's own: all share its embeddings.
verified() {
    local beta
    echo "${expdir}/${sv_name}/noisy"
    echo "${expdir}/${sv_name}/clean"
    echo "${exp}/${sv_name}/enhanced"
    for beta in ${observations}; do echo "${exp}/${sv_name}/enhanced_beta${beta}"; done
}

embed_all() { # of every test set, the clean stream too: each of its recordings once, though sets of several SNRs hold it
    local out set sig clean=${expdir}/${sv_name}/clean
    for out in $(verified); do
        case "${out##*/}" in
            noisy) embed_sets "${sv_exp}" valid.eer.ave.pth "${dumpdir}/raw" "${out}/embeddings" "${all_tests# }" "${trusted[@]}" ;;
            enhanced*) embed_sets "${sv_exp}" valid.eer.ave.pth "${exp}/${out##*/}" "${out}/embeddings" "${all_tests# }" "${trusted[@]}" ;;
        esac
    done
    if "${dry_run}"; then return 0; fi
    sig=$(for set in ${all_tests}; do signature_line "${dumpdir}/raw/${set}" "${set} spk1" ''; done | signatures | sha256sum)
    if ! done_before "${clean}/audio/.done" "${sig}"; then
        rm -f "${clean}/audio/.done"
        # shellcheck disable=SC2086
        "${python}" -m toolkit.bin.distinct_audio --data_root "${dumpdir}/raw" --sets ${all_tests} --stream spk1 \
            --output "${clean}/audio" || die "no clean audio to verify: see above"
        echo "${sig}" >"${clean}/audio/.done"
    fi
    embed_sets "${sv_exp}" valid.eer.ave.pth "${clean}/audio" "${clean}/embeddings" distinct "${trusted[@]}"
    for set in ${all_tests}; do
        mkdir -p "${clean}/embeddings/${set}"
        rm -f "${clean}/embeddings/${set}/.done.embed"
        awk 'NR == FNR { at[$1] = $2; next } { print $1, at[$2] }' "${clean}/embeddings/distinct/embedding.scp" \
            "${clean}/audio/${set}/utt2distinct" >"${clean}/embeddings/${set}/embedding.scp"
        cp "${clean}/embeddings/distinct/.done.embed" "${clean}/embeddings/${set}/.done.embed"
    done
}

verify_all() { # the trials of every test set, both sides noisy, both enhanced, both clean
    local out set logdir=${exp}/${sv_name}/logs
    scores=()
    for out in $(verified); do
        for set in ${all_tests}; do
            queue_scores "${set}/trials" "${out}/embeddings/${set}" "${out}/scores/${set}" \
                "${out}/embeddings/${set}/.done.embed" --resamples "${resamples}"
        done
    done
    score_queue "${logdir}" "${sv_name}/*/scores" "${all_tests# }"
}

. "$(dirname "$(readlink -f "$0")")/../signal.sh"
