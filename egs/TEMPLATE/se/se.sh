#!/usr/bin/env bash
# Speech enhancement, from a corpus to a table of SI-SDR, PESQ, STOI. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317
set -euo pipefail

task=se
task_name="Speech enhancement: the speech in a noisy recording."
task_help=$(cat <<'EOT'
  --init_from exp/se_<x>      train from another experiment's weights (its valid.loss.ave.pth): fine-tuning; becomes part of
                              the experiment's name, se_<config>_from_<x> (none)
  --observations "0.1 0.2"    also score the output with so much of the mixture added back: (1 - beta) enhanced + beta mixture
                              (none)
EOT
)
output_name=enhanced
fs=16000
config=conf/train_convtasnet.yaml
metrics="si_sdr sdr pesq_wb stoi estoi"
breakdown=auto
init_from=
observations=
train_streams="wav spk1"

check_task_options() {
    plan_train_opts='' plan_test_opts=''
    check_words '0|1|0?[.][0-9]+|1[.]0*' 'number from 0 to 1' observations
    if [ "${fs}" -eq 8000 ]; then metrics=${metrics/pesq_wb/pesq_nb}; fi # wide band begins at 16 kHz
    [ -n "${init_from}" ] || return 0
    init_from=${init_from%/}
    local weights=${init_from}/valid.loss.ave.pth
    [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 5 ] || "${skip_train}" || [ -f "${weights}" ] ||
        die "--init_from ${init_from}: no ${weights}; train that experiment first, or name another of ${expdir}/se_*"
    if [ -z "${tag}" ]; then
        tag=$(basename "${config}" .yaml)_from_$(basename "${init_from#"${expdir}/se_"}")
        [ -z "${train_args}" ] || tag+=_$(printf %s "${train_args#--}" | tr -sc 'A-Za-z0-9' '_')
    fi
    train_args+=" --init_from ${weights}"
}

infer_all() {
    local beta
    infer enhanced
    for beta in ${observations}; do infer "enhanced_beta${beta}" --observation "${beta}"; done
}

measure_all() {
    local beta
    measure enhanced "${metrics}"
    for beta in ${observations}; do measure "enhanced_beta${beta}" "${metrics}"; done
}

. "$(dirname "$(readlink -f "$0")")/../signal.sh"
