#!/usr/bin/env bash
# Start a training program: as it is for CPU or one GPU, by torchrun for more.
set -euo pipefail

help_message=$(cat <<'EOF'
Usage: launch.sh [--ngpu N] [--num_nodes M] [--master_port P] <python> -m <module> [<args> ...]
N GPUs on each of M nodes. With M > 1 it is run once inside a Slurm job of M nodes and starts torchrun on each by srun.
N = 0 trains on CPUs, one process a node. P is where the nodes meet (default: from the number of Slurm's job).
e.g.: launch.sh --ngpu 8 python3 -m toolkit.bin.train sv --config conf/train.yaml
EOF
)
ngpu=0
num_nodes=1
master_port=
world_size=
die() {
    echo "error: launch.sh: $*" >&2
    exit 1
}

# whole NAME VALUE LEAST MOST: the value, if it is such a whole number.
whole() {
    local expected="$1 must be a whole number from $3 to $4, got '$2'"
    [[ $2 =~ ^0*([0-9]{1,6})$ ]] || die "$expected"
    if [ "${BASH_REMATCH[1]}" -lt "$3" ] || [ "${BASH_REMATCH[1]}" -gt "$4" ]; then die "$expected"; fi
    echo "${BASH_REMATCH[1]}"
}

while [ $# -gt 0 ]; do
    case "$1" in
        --ngpu) ngpu=$(whole --ngpu "${2:-}" 0 999) ;;
        --num_nodes) num_nodes=$(whole --num_nodes "${2:-}" 1 9999) ;;
        --master_port) master_port=$(whole --master_port "${2:-}" 1 65535) ;;
        --world_size) world_size=$(whole --world_size "${2:-}" 1 999999) ;; # how torchrun comes back to this script
        --help)
            echo "${help_message}"
            exit 0
            ;;
        *) break ;;
    esac
    shift 2
done
if [ $# -lt 3 ]; then
    echo "${help_message}" >&2
    exit 1
fi
program=$(type -P -- "$1") || die "$1: no such command"
if [ ! -f "${program}" ] || [ ! -x "${program}" ]; then die "$1: is not a program"; fi

# Each process of a training with several: starts the program if they are all there.
if [ -n "${world_size}" ]; then
    [ "${WORLD_SIZE:-}" = "${world_size}" ] || die "${WORLD_SIZE:-no} processes take part on $(hostname), not ${world_size}"
    if [ "${RANK}" = 0 ]; then echo "launch.sh: ${world_size} processes, the first on $(hostname)"; fi
    exec "$@"
fi

if [ "${ngpu}" -eq 0 ]; then
    export CUDA_VISIBLE_DEVICES=''
fi
if [ "${ngpu}" -le 1 ] && [ "${num_nodes}" -eq 1 ]; then
    exec "$@"
fi
per_node=$((ngpu > 0 ? ngpu : 1))
torchrun=("$1" -m torch.distributed.run --signals_to_handle "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1" --nnodes "${num_nodes}" --nproc_per_node "${per_node}" --no_python)
process=("$0" --world_size $((num_nodes * per_node)) "$@")
if [ "${num_nodes}" -eq 1 ]; then
    exec "${torchrun[@]}" --standalone "${process[@]}"
fi
[ -n "${SLURM_JOB_NODELIST:-}" ] || die "--num_nodes ${num_nodes} needs a Slurm job with this number of nodes"

srun=(srun --export=ALL --nodes "${num_nodes}" --ntasks "${num_nodes}" --ntasks-per-node 1 --kill-on-bad-exit=1)
if [ -n "${SLURM_CPUS_PER_TASK:-}" ]; then srun+=(--cpus-per-task "${SLURM_CPUS_PER_TASK}"); fi
# Report nodes that do not answer now; torchrun would wait ten minutes and report a timeout.
# shellcheck disable=SC2016
answered=$("${srun[@]}" bash -c 'echo "${SLURMD_NODENAME}"' | LC_ALL=C sort -u | tr "\n" " ") || true
[ "$(wc -w <<<"${answered}")" -eq "${num_nodes}" ] ||
    die "--num_nodes ${num_nodes}: of ${SLURM_JOB_NODELIST} only these nodes answered: ${answered:-none}"
head_node=$(scontrol show hostnames "${SLURM_JOB_NODELIST}" | sed -n 1p)
# The address that Slurm uses for the node; all nodes can resolve it.
address=$(scontrol show node "${head_node}" | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p')
exec "${srun[@]}" "${torchrun[@]}" --rdzv_backend c10d --rdzv_id "${SLURM_JOB_ID}" \
    --rdzv_endpoint "${address:-${head_node}}:${master_port:-$((20000 + SLURM_JOB_ID % 20000))}" "${process[@]}"
