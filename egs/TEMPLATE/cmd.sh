# Sourced by the task scripts: how jobs are run. cmd_backend=local is this machine, cmd_backend=slurm a Slurm cluster
# (cmd_backend=slurm ./run.sh ...). Another way of your site's is one more case; its program takes run.pl's command line.
cmd_backend=${cmd_backend:-local}

# train_cmd: data stages; cuda_cmd: training; decode_cmd: inference and scoring
case "${cmd_backend}" in
    local)
        export train_cmd="utils/run.pl"
        export cuda_cmd="utils/run.pl"
        export decode_cmd="utils/run.pl"
        ;;
    slurm) # conf/slurm.conf translates options; add more here: utils/slurm.pl --mem 4G --time 1-0
        export train_cmd="utils/slurm.pl"
        # CPUs of a node: for each GPU a training process and two that load.
        export cuda_cmd="utils/slurm.pl --num-threads $((${ngpu:-0} > 0 ? 3 * ngpu : 1))"
        export decode_cmd="utils/slurm.pl"
        ;;
    *)
        echo "error: cmd.sh: cmd_backend=${cmd_backend} unknown; must be local or slurm" >&2
        return 1
        ;;
esac
