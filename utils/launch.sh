#!/usr/bin/env bash
# Start a training program: as it is for CPU or one GPU, by torchrun for more.
set -euo pipefail

help_message=$(cat <<'EOF'
Usage: launch.sh [--ngpu N] [--num_nodes M] [--master_port P] <python> -m <module> [<args> ...]
N GPUs on each of M nodes. With M > 1 it is run once inside a Slurm job of M nodes and starts torchrun on each by srun.
e.g.: launch.sh --ngpu 8 python3 -m toolkit.bin.sv_train --config conf/train.yaml
EOF
)
ngpu=0
num_nodes=1
master_port=29500
while [ $# -gt 0 ]; do
    case "$1" in
        --ngpu) ngpu=$2 ;;
        --num_nodes) num_nodes=$2 ;;
        --master_port) master_port=$2 ;;
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

if [ "${ngpu}" -eq 0 ]; then
    export CUDA_VISIBLE_DEVICES=''
fi
if [ "${ngpu}" -le 1 ] && [ "${num_nodes}" -eq 1 ]; then
    exec "$@"
fi
python=$1
shift
if [ "${num_nodes}" -eq 1 ]; then
    exec "${python}" -m torch.distributed.run --standalone --nproc_per_node "${ngpu}" "$@"
fi
if [ -z "${SLURM_JOB_NODELIST:-}" ]; then
    echo "error: launch.sh: --num_nodes ${num_nodes} needs a Slurm job of so many nodes" >&2
    exit 1
fi
head_node=$(scontrol show hostnames "${SLURM_JOB_NODELIST}" | head -n 1)
exec srun --nodes "${num_nodes}" --ntasks-per-node 1 "${python}" -m torch.distributed.run --nnodes "${num_nodes}" \
    --nproc_per_node "${ngpu}" --rdzv_backend c10d --rdzv_id "${SLURM_JOB_ID}" \
    --rdzv_endpoint "${head_node}:${master_port}" "$@"
