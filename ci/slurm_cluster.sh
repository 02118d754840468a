# Sourced: start_cluster makes a Slurm of two nodes on this machine, in the folder ${work}; stop_cluster ends it.
# shellcheck shell=bash disable=SC2034,SC2154
daemons=()
export PATH=${PATH}:/usr/sbin:/sbin

die() {
    echo "error: ${0##*/}: $*" >&2
    exit 1
}

missing_programs() {
    local program
    for program in munged munge slurmctld slurmd sbatch srun squeue scancel scontrol sinfo; do
        command -v "${program}" >/dev/null || printf ' %s' "${program}"
    done
}

install_slurm() { # if it is missing; needs root
    local missing
    missing=$(missing_programs)
    if [ -n "${missing}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "installing slurm-wlm and munge (not found:${missing})"
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
            slurm-wlm munge; } >/dev/null 2>&1 || true
        missing=$(missing_programs)
    fi
    [ -z "${missing}" ] || die "not found:${missing}; as root: apt-get install slurm-wlm munge"
}

eventually() { # eventually SECONDS COMMAND...: until the command succeeds
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "${SECONDS}" -lt "${end}" ] || return 1
        sleep 0.2
    done
}

start_daemon() { # start_daemon NAME COMMAND...: in the background, output in ${work}/NAME.out
    local output=${work}/$1.out
    shift
    "$@" >"${output}" 2>&1 </dev/null &
    daemons+=($!)
}

free_ports() { # free_ports N: the first of N consecutive free ports
    local first port
    while true; do
        first=$((20000 + RANDOM % 10000))
        for port in $(seq "${first}" $((first + $1 - 1))); do
            if (: <"/dev/tcp/127.0.0.1/${port}") 2>/dev/null; then continue 2; fi
        done
        echo "${first}"
        return
    done
}

node_is() { [ "$(sinfo -h -N -n "$1" -p main -o %t 2>/dev/null)" = "$2" ]; }

queue_is_empty() { ! squeue -h 2>/dev/null | grep -q .; }

write_slurm_conf() { # the nodes share this machine: their CPUs are those of this file
    local port host user
    port=$(free_ports 3) host=$(hostname -s) user=$(id -un)
    cat >"$1" <<EOF
ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${port}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/munge
AuthInfo=socket=${work}/munge/socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
StateSaveLocation=${work}/state
SlurmdSpoolDir=${work}/spool.%n
SlurmctldPidFile=${work}/slurmctld.pid
SlurmdPidFile=${work}/slurmd.%n.pid
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
JobRequeue=0
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
KillWait=2
MaxArraySize=11
ReturnToService=2
NodeName=n1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=4 RealMemory=16000
NodeName=n2 NodeHostname=${host} NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=4 RealMemory=16000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
EOF
}

start_cluster() { # sets two_nodes: whether this slurmd can run twice on one machine
    unset "${!SLURM_@}" "${!SBATCH_@}" "${!SQUEUE_@}"
    chmod 755 "${work}"
    mkdir -m 755 "${work}/munge" "${work}/state"
    (umask 077 && head -c 128 /dev/urandom >"${work}/munge/key")
    export SLURM_CONF=${work}/slurm.conf
    write_slurm_conf "${SLURM_CONF}"
    start_daemon munged munged --foreground --force --key-file="${work}/munge/key" --socket="${work}/munge/socket" \
        --pid-file="${work}/munge/pid" --seed-file="${work}/munge/seed"
    eventually 20 test -S "${work}/munge/socket" || die "munged does not start: $(tail -n 3 "${work}/munged.out")"
    start_daemon slurmctld slurmctld -D
    start_daemon n1 slurmd -D -N n1
    start_daemon n2 slurmd -D -N n2
    eventually 60 node_is n1 idle || die "Slurm does not start: $(tail -qn 3 "${work}"/slurmctld.out "${work}"/n1.out)"
    two_nodes=true
    eventually 20 node_is n2 idle || two_nodes=false
}

stop_cluster() {
    local pid
    if [ -n "${SLURM_CONF:-}" ]; then
        scancel --user "$(id -un)" >/dev/null 2>&1 || true
        eventually 10 queue_is_empty || true
    fi
    for pid in "${daemons[@]}"; do kill "${pid}" 2>/dev/null || true; done
    for pid in "${daemons[@]}"; do wait "${pid}" 2>/dev/null || true; done
}
