# Sourced by the task scripts: how jobs are run. cmd_backend=local (this machine) or slurm (conf/slurm.conf).
# shellcheck shell=bash disable=SC2034
cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local)
        train_cmd="utils/run.pl"  # data stages
        cuda_cmd="utils/run.pl"   # training
        decode_cmd="utils/run.pl" # inference and scoring
        ;;
    slurm)
        train_cmd="utils/slurm.pl"
        cuda_cmd="utils/slurm.pl"
        decode_cmd="utils/slurm.pl"
        ;;
    *)
        echo "error: cmd.sh: cmd_backend=${cmd_backend} is not known; it can be local or slurm" >&2
        return 1
        ;;
esac
