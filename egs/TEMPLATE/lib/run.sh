# What a run is made of: messages, stages, locks, a queue of programs, dry runs. Sourced by the task scripts.
# shellcheck shell=bash disable=SC2154,SC2034

log() {
    echo "$(date '+%Y-%m-%dT%H:%M:%S') $*"
}

counted() { # counted 3 job: 3 jobs
    echo "$1 $2$([ "$1" -eq 1 ] || echo s)"
}

die() {
    echo "error: ${*#error: }" >&2
    exit 1
}

# note_skips: --skip_data_prep and its kin as stages.
note_skips() {
    if "${skip_data_prep}"; then skip_stages+=" 1 2 3 4 5"; fi
    if "${skip_train}"; then skip_stages+=" 6"; fi
    if "${skip_eval}"; then skip_stages+=" 7 8 9"; fi
    if "${skip_packing}"; then skip_stages+=" 10"; fi
}

# runs_stage N: does stage N run, by --stage, --stop_stage and --skip_stages?
runs_stage() {
    [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ] && ! [[ " ${skip_stages} " == *" $1 "* ]]
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

# start_guard: from now on, all that this run starts ends with it.
start_guard() {
    if "${dry_run}"; then return 0; fi
    coproc GUARD { exec utils/guard.pl "$$" "${VOXSIFT_RUN##*/}" "${command_line}"; }
}

# hold exclusive|shared|release[-wait] FILE: have a lock until this run ends. Where another run has it, say which and
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
    local number data=shared experiment=
    for number in {1..10}; do
        if runs_stage "${number}"; then
            if [ "${number}" -le 5 ]; then data=exclusive; else experiment=$1; fi
        fi
    done
    [ "${data}" = shared ] || hold exclusive data/.lock
    hold "${data}" "${dumpdir}/.lock"
    [ -z "${experiment}" ] || hold exclusive "$(dirname "$1")/.$(basename "$1").lock"
}

# data_is_made: after stage 5, other runs may read it, too.
data_is_made() {
    hold release data/.lock
    hold shared "${dumpdir}/.lock"
}

# A dry run goes through the stages like any other; its steps say what they would do. What they would make anew they note
# in the file ${VOXSIFT_REMADE}.
start_dry_run() {
    "${dry_run}" || return 0
    VOXSIFT_REMADE=$(mktemp)
    export VOXSIFT_REMADE
    trap 'rm -f "${VOXSIFT_REMADE}"' EXIT
    note "data: ${train_cmd}, --nj ${nj}"
    note "training: ${cuda_cmd}, --ngpu ${ngpu} --num_nodes ${num_nodes}"
    note "inference: ${decode_cmd}, --inference_nj ${inference_nj} --gpu_inference ${gpu_inference}"
}

note() {
    echo "    $*"
}

act() { # act COMMAND...: run it
    if "${dry_run}"; then note "$*"; else "$@"; fi
}

remade() { # remade PATH...: a dry run would make something anew there
    if "${dry_run}"; then printf '%s\n' "$@" >>"${VOXSIFT_REMADE}"; fi
}

# is_remade PATH: is it, or a folder that it lies in, made anew?
is_remade() {
    local path=$1
    [ -s "${VOXSIFT_REMADE:-}" ] || return 1
    while [[ "${path}" == */* ]]; do
        ! grep -qxF -- "${path}" "${VOXSIFT_REMADE}" || return 0
        path=${path%/*}
    done
    return 1
}

# Programs that are queued run in one interpreter, whose start takes longer than most of them do.
queue=()

later() { # later REMEDY PROGRAM WORDS...: REMEDY is printed where it fails
    queue+=("$#" "$@")
}

# run_queue [MARK [options of several]]: run it; with a mark, unless that was done
run_queue() {
    local mark=${1:-}
    if [ "${#queue[@]}" -gt 0 ]; then
        printf '%s\0' "${queue[@]}" | "${python}" -m toolkit.bin.several ${mark:+--mark "${mark}"} "${@:2}" || exit 1
    fi
    queue=()
}

# run_checks EXPDIR: run the queue before any work; answers is what it prints. What was checked for an experiment is not
# checked again.
run_checks() {
    local mark
    mark=$(dirname "$1")/.$(basename "$1").checked
    if "${dry_run}"; then mark=; fi
    answers=$(run_queue "${mark}") || exit 1
    queue=()
}

# once MARK WHAT SETS DEPS OUTPUTS COMMAND...: run it, unless it was run for the same data dirs SETS and files DEPS, and
# OUTPUTS are as it left them
once() {
    # shellcheck disable=SC2086
    "${python}" -m toolkit.bin.stage once --mark "$1" --what "$2" --sets $3 --deps $4 --outputs $5 -- "${@:6}"
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

as_list() { # "a b" -> [a,b]
    tr -s ' ' ',' <<<"${1# }" | sed 's/,$//; s/.*/[&]/'
}

name_of() { # name_of SYSTEM: of an experiment's folder or a packed.zip
    basename "${1%/packed.zip}" .zip
}
