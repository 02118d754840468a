# What a run is made of: options, messages, stages, locks, dry runs. Sourced by the task scripts.

log() {
    echo "$(date '+%Y-%m-%dT%H:%M:%S') $*"
}

die() {
    echo "error: ${*#error: }" >&2
    exit 1
}

runs_stage() { # runs_stage N: does stage N run, by --stage, --stop_stage and --skip_stages?
    [[ " ${stages} " == *" $1 "* ]]
}

say_stage() { # say_stage N what
    log "stage $1: $2"
}

# start_run ARGS...: start the task script anew, with a mark in the environment of all its processes, by which guard.pl
# finds them. A script that is a part of another run has both marks.
start_run() {
    local marks=${VOXSIFT_RUN:-}
    command_line="$0$(printf ' %q' "$@")"
    [[ "${marks##*/}" != "$$."* ]] || return 0
    VOXSIFT_RUN=${marks:+${marks}/}$$.$(date +%s)
    export VOXSIFT_RUN
    exec "${BASH}" "$0" "$@"
}

# recipe ACTION: start toolkit.bin.recipe, whose variables read_variables reads
recipe() {
    exec {answers}< <(exec "${python}" -m toolkit.bin.recipe "$1" "${task}" "${arguments[@]}")
    recipe_pid=$!
}

# read_variables: name=value, each ended by a NUL, up to an empty one or the end of the program, which must not fail
read_variables() {
    local pair
    while IFS= read -r -d '' pair <&"${answers}"; do
        case ${pair%%=*} in
            '') return 0 ;;
            log) log "${pair#*=}" ;;
            text) echo "${pair#*=}" ;;
            *) printf -v "${pair%%=*}" '%s' "${pair#*=}" ;;
        esac
    done
    exec {answers}<&-
    wait "${recipe_pid}" || exit
    recipe_pid=''
}

end_run() { # however it ends, but for kill -9
    [ -z "${recipe_pid}" ] || kill "${recipe_pid}" 2>/dev/null || true
    rm -f "${remade_file}"
}

# begin_run ARGS...: options, and what follows from them, as variables (toolkit/recipes/<task>.py); locks; dry runs
begin_run() {
    arguments=("$@") python=python3
    if [[ " $* " =~ " --python "([^ ]+) ]]; then python=${BASH_REMATCH[1]}; fi
    . ./path.sh
    recipe_pid='' remade_file=''
    trap end_run EXIT
    recipe options
    read_variables
    [ -n "${stages+set}" ] || exit 0 # --help
    . ./cmd.sh
    check_machines
    plain_step=(--dry_run "${dry_run}" --python "${python}")
    data_step=(--cmd "${train_cmd}" --nj "${nj}" "${plain_step[@]}")
    decode_step=(--cmd "${decode_cmd}" --nj "${inference_nj}" --gpu "${gpu_inference}" "${plain_step[@]}")
    log "${command_line}"
    start_guard
    start_dry_run
}

# check_run: what toolkit.bin.recipe finds in the configs; no other run may write what this one writes
check_run() {
    log "checking configs"
    read_variables
    hold_outputs "${exp}"
    runs_stage 1 || ! { runs_stage 2 || runs_stage 3; } || check_made data
}

check_made() { # check_made data|dump: what stages have made, and names that depend on it
    recipe "$1"
    read_variables
}

# check_machines: --ngpu and --num_nodes fit the machine, where jobs run on this one.
check_machines() {
    [[ "${cuda_cmd}" == *run.pl* ]] || return 0
    [ "${ngpu} ${gpu_inference}" = "0 false" ] || nvidia-smi -L >/dev/null 2>&1 ||
        die "--ngpu ${ngpu} --gpu_inference ${gpu_inference}: nvidia-smi finds no GPU here; use --ngpu 0 --gpu_inference false"
    [ "${num_nodes}" -eq 1 ] ||
        die "--num_nodes ${num_nodes}: run.pl knows this machine only; cmd.sh can choose another (cmd_backend=slurm ./run.sh ...)"
}

# start_guard: from now on, all that this run starts ends with it.
start_guard() {
    if "${dry_run}"; then return 0; fi
    coproc GUARD { exec utils/guard.pl "$$" "${VOXSIFT_RUN##*/}" "${command_line}"; }
}

# hold exclusive|shared|release[-wait] FILE: have a lock until this run ends. If another run has it, name that run and
# end, or wait.
hold() {
    local how=$1 reply
    # GUARD is a pipe, which subshells do not have.
    if [ -z "${GUARD_PID:-}" ] || [ "${BASHPID}" != "$$" ]; then return 0; fi
    if "${wait}"; then how=${how%-wait}-wait; fi
    mkdir -p "$(dirname "$2")"
    echo "${how} $2" >&"${GUARD[1]}"
    while read -r -u "${GUARD[0]}" reply; do
        case "${reply}" in
            ok) return 0 ;;
            error:*) die "${reply}; --wait true waits for it" ;;
            *) log "${reply}" ;;
        esac
    done
    die "guard.pl has ended"
}

# hold_outputs EXPDIR: no other run may write what this one writes, or what it reads.
hold_outputs() {
    local data=shared
    [[ ! " ${stages} " =~ " "[1-5]" " ]] || data=exclusive
    [ "${data}" = shared ] || hold exclusive data/.lock
    hold "${data}" "${dumpdir}/.lock"
    [[ ! " ${stages} " =~ " "([6-9]|10)" " ]] || hold exclusive "$(dirname "$1")/.$(basename "$1").lock"
}

# data_is_made: after stage 5, other runs may read it, too.
data_is_made() {
    hold release data/.lock
    hold shared "${dumpdir}/.lock"
}

# A dry run goes through the stages like any other; its steps print what they would do. The file ${VOXSIFT_REMADE} lists what
# they would make anew.
start_dry_run() {
    "${dry_run}" || return 0
    remade_file=$(mktemp)
    export VOXSIFT_REMADE=${remade_file}
    note "data: ${train_cmd}, --nj ${nj}"
    note "training: ${cuda_cmd}, --ngpu ${ngpu} --num_nodes ${num_nodes}"
    note "inference: ${decode_cmd}, --inference_nj ${inference_nj} --gpu_inference ${gpu_inference}"
}

finish_run() { # the last line of a run
    if "${dry_run}"; then
        note "nothing was done; without --dry_run true, stages ${stages} do what is printed above"
        log "dry run finished"
    else
        log "finished"
    fi
}

note() {
    echo "    $*"
}

act() { # act COMMAND...: run it
    if "${dry_run}"; then note "$*"; else "$@"; fi
}

remade() { # remade PATH...: a dry run would make something anew there
    if "${dry_run}" && [ $# -gt 0 ]; then printf '%s\n' "$@" >>"${VOXSIFT_REMADE}"; fi
}

# once MARK WHAT SETS DEPS OUTPUTS COMMAND...: run it, unless it was run for the same data dirs SETS and files DEPS, and
# OUTPUTS are as it left them
once() {
    local dry=''
    ! "${dry_run}" || dry=--dry_run
    "${python}" -m toolkit.bin.stage once ${dry} --mark "$1" --what "$2" --sets $3 --deps $4 --outputs $5 -- "${@:6}"
}

# files_of SYSTEM WEIGHTS: what a product of a trained system depends on: its packed.zip, or config and weights
files_of() {
    if [ -d "$1" ]; then
        compgen -G "$1/config.yaml" || true
        compgen -G "$1/$2" || true
    else
        echo "$1"
    fi
}
