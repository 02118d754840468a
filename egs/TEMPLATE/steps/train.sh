#!/usr/bin/env bash
# Train a network, on GPUs of one node or several, or on CPUs.
set -euo pipefail
help_message="Usage: steps/train.sh [options] <task> <training config> <training set> <experiment> <validation set>...
e.g.: steps/train.sh sv conf/train_ecapa.yaml dump/raw/train exp/sv_x dump/raw/dev
  --ngpu 0, --num_nodes 1                   GPUs of a node, nodes
  --weights            that later stages use (valid.loss.ave.pth)
  --deps \"...\"         further files on which training depends: marks of the noises"
ngpu=0 num_nodes=1 weights=valid.loss.ave.pth deps='' least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

say_training() { # the validation of every epoch, of earlier runs too
    if grep -o '[^ ]*: [0-9]* epochs* trained before; nothing to do' "$1/train.log"; then return 0; fi
    { find "$1" -maxdepth 1 -name 'train.*.log' | sort -V | xargs -r cat && cat "$1/train.log"; } |
        sed -n 's|^[^ ]* INFO epoch \([0-9]*\)\(/[0-9]* valid: .*\)|\1 \2|p' |
        awk '{ at = $1; sub(/^[0-9]+ /, ""); line[at] = $0; if (at > last) last = at }
            END { for (i = 1; i <= last; i++) if (i in line) print "    epoch " i line[i] }'
}

task=$1 config=$2 train_dir=$3 exp=$4
shift 4
# On the terminal; the trainer says it in its log alone.
trap 'echo "${exp}: training was interrupted; the same command goes on from its last checkpoint" >&2
    trap - INT
    kill -INT $$' INT
nodes=() what=(--what training)
! "${dry_run}" || what=() # the recipe says it
[ "${num_nodes}" -eq 1 ] || nodes=(num-nodes "${num_nodes}")
began=$(mktemp)
trap 'rm -f "${began}"' EXIT
stage once --mark "${exp}/.done.train" "${what[@]}" --cmd "${cmd}" --log "${exp}/train.log" \
    --keep_log --job_options gpu "${ngpu}" "${nodes[@]}" name "${exp}" --sets "${train_dir}" "$@" --deps "${config}" ${deps} \
    --outputs "${exp}/config.yaml" "${exp}/metrics.jsonl" "${exp}/checkpoint" "${exp}/${weights}" -- \
    utils/launch.sh --ngpu "${ngpu}" --num_nodes "${num_nodes}" "${python}" -m toolkit.bin.train "${task}" --config "${config}" \
    --train_dir "${train_dir}" --valid_dirs "[$(IFS=,; echo "$*")]" --expdir "${exp}" "${options[@]}"
if [ "${exp}/train.log" -nt "${began}" ]; then say_training "${exp}"; fi
