# Sourced by the steps after their help and defaults: options, environment, number of arguments (at least ${least}).
cmd=utils/run.pl nj=4 gpu=false dry_run=false python=python3 opts=''
general_help="General options
  --cmd                run.pl or slurm.pl, with options (utils/run.pl)
  --nj 4               jobs at a time
  --gpu false          on a GPU
  --opts \"...\"         more options of the program, separated by blanks
  --dry_run false      print what would be done
  --python             interpreter (python3)"
help_message="${help_message}
${general_help}
Call it in the folder of a recipe. What was done from the same files and options is not done again."
. "$(dirname "${BASH_SOURCE[0]}")/run.sh"
. "$(dirname "${BASH_SOURCE[0]}")/clean.sh"
. utils/parse_options.sh
if [ -z "${VOXSIFT_ROOT:-}" ]; then . ./path.sh; fi
if [ $# -lt "${least}" ]; then
    echo "${help_message}" >&2
    exit 1
fi
read -ra options <<<"${opts}"
engine="${cmd} --gpu $("${gpu}" && echo 1 || echo 0)"
steps=$(dirname "$(readlink -f "$0")")
device=$("${gpu}" && echo cuda || echo cpu)

stage() { # stage sets|trials|once ARGS...: toolkit.bin.stage
    local action=$1
    shift
    if "${dry_run}"; then set -- --dry_run "$@"; fi
    "${python}" -m toolkit.bin.stage "${action}" "$@"
}
