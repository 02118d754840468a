# Sourced by every recipe script: the toolkit's environment. Your own additions go into local/path.sh.
VOXSIFT_ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
export VOXSIFT_ROOT

if [ -f "${VOXSIFT_ROOT}/tools/activate.sh" ]; then
    # shellcheck source=/dev/null
    . "${VOXSIFT_ROOT}/tools/activate.sh"
fi
export PATH="${PWD}/utils:${PATH}"
export PYTHONPATH="${VOXSIFT_ROOT}${PYTHONPATH:+:${PYTHONPATH}}"
export LC_ALL=C PYTHONIOENCODING=UTF-8
# One thread a job: jobs are what runs in parallel. Training sets its own number.
export OMP_NUM_THREADS=1
# NCCL would take any interface otherwise, docker's too.
export NCCL_SOCKET_IFNAME="${NCCL_SOCKET_IFNAME:-^lo,docker,virbr,vmnet,vboxnet}"

if [ -f local/path.sh ]; then
    # shellcheck source=/dev/null
    . local/path.sh
fi
