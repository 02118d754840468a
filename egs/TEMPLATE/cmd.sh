# Sourced by the task scripts: how jobs are run. cmd_backend=local is this machine.
# shellcheck shell=bash disable=SC2034
cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local)
        train_cmd="utils/run.pl"  # data stages
        cuda_cmd="utils/run.pl"   # training
        decode_cmd="utils/run.pl" # inference and scoring
        ;;
    *)
        echo "error: cmd.sh: cmd_backend=${cmd_backend} is not known; it can be local" >&2
        return 1
        ;;
esac
