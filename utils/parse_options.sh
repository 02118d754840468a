#!/usr/bin/env bash
# Turns the caller's command line "--name value ..." into variables; to be sourced.
#
#   nj=4                       # every option is a variable that has a default
#   skip_train=false           # a default of true or false makes it a boolean
#   help_message="Usage: $0 [--nj 4] [--skip-train true|false] <dir>"
#   . utils/parse_options.sh   # afterwards "$@" holds what follows the options
#
# --foo-bar and --foo_bar are the same option. --config <file> is sourced before all other options are applied, so that
# these win. --help prints $help_message. "--" ends the options. Mistakes end the caller with exit code 1.

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 1
fi

_option_error() {
    echo "${0##*/}: error: $*" >&2
    exit 1
}

# Sources the files of all --config options, wherever they stand among the options.
_source_configs() {
    while [ $# -ge 2 ] && [[ $1 == --?* ]]; do
        if [ "$1" = --config ]; then
            if [ ! -f "$2" ] || [ ! -r "$2" ]; then _option_error "--config $2: no such file"; fi
            # What it does is tried first: an error in it ends this program with a message of ours.
            bash -ec '. "$1"' bash "$(cd "$(dirname -- "$2")" && pwd)/${2##*/}" </dev/null >/dev/null 2>&1 ||
                _option_error "--config $2: must be a file of shell assignments, name=value, a line each"
            # A name without a slash would be looked up in PATH.
            # shellcheck disable=SC1090
            case $2 in */*) . "$2" ;; *) . "./$2" ;; esac
        fi
        shift 2
    done
}

# Sets the variable of option $1 to $2.
_set_option() {
    local _name=${1#--}
    _name=${_name//-/_}
    # Upper case is the shell's own: PATH, UID, ...
    if ! [[ $_name =~ ^[a-z][a-z0-9_]*$ && -n ${!_name+set} ]]; then
        _option_error "unknown option $1 (see --help)"
    fi
    case ${!_name} in
        true | false) [[ $2 == true || $2 == false ]] || _option_error "option $1 takes true or false, got '$2'" ;;
    esac
    printf -v "$_name" '%s' "$2"
}

_source_configs "$@"
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h)
            printf '%s\n' "${help_message:-${0##*/} has no help text}"
            exit 0
            ;;
        --)
            shift
            break
            ;;
        --*=*) _option_error "write '${1%%=*} ${1#*=}' instead of '$1'" ;;
        --*)
            [ $# -ge 2 ] || _option_error "option $1 needs a value"
            [ "$1" = --config ] || _set_option "$1" "$2"
            shift 2
            ;;
        *) break ;;
    esac
done
# An empty command is the usual sign of a cmd.sh that was not sourced; run, it would do nothing and succeed.
if [ -n "${cmd+set}" ] && [ -z "$cmd" ]; then
    _option_error "option --cmd is empty"
fi
unset -f _option_error _source_configs _set_option
