#!/usr/bin/env bash
# Shared functions of the data dir scripts, to be sourced: tables of a data dir, subsets, atomic replacement.
#
# A table is a file of "key value..." lines, sorted by key (LC_ALL=C). Its keys are utterances, recordings or speakers.
# Without a segments file every utterance is a recording, so recording tables are utterance tables.

# These connect the other tables and are not in the other lists.
readonly MAIN_TABLES='utt2spk|spk2utt|segments'
readonly UTT_TABLES='text|feats\.scp|vad\.scp|enroll_spk[0-9]+\.scp|utt2[A-Za-z0-9_]+'
readonly RECO_TABLES='wav\.scp|(spk|noise|dereverb)[0-9]+\.scp|reco2[A-Za-z0-9_]+'
readonly SPK_TABLES='cmvn\.scp|spk2[A-Za-z0-9_]+'
# Of these, those with enrolments: files, or *UTT SPEAKER: another utterance of that speaker than UTT, to be drawn.
# shellcheck disable=SC2034
readonly ENROLMENTS='enroll_spk[0-9]+\.scp'
# Files about the whole dir.
readonly WHOLE_FILES='feats_type|audio_format|frame_shift|feats_conf\.yaml|mix_conf\.yaml|conditions\.tsv|rttm'
# The plan of a mixture set: one JSON object per line, with the mixture's id.
readonly PLAN='mix\.jsonl'

# Lists of extra files; options of a script can add to them.
extra_utt_files=""
extra_spk_files=""

tools=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# With this variable perl would decode its input and use Unicode blanks.
unset PERL_UNICODE

# tables FUNCTION ARGUMENT...: a function of Tables.pm or, as DataDir::validate, of DataDir.pm.
tables() {
    local package=Tables
    [[ $1 != *::* ]] || package=${1%%::*}
    perl -I "$tools" "-M$package" -e '$Tables::program = shift; my $call = \&{+shift}; $call->(@ARGV)' \
        "${0##*/}" "$package::${1#*::}" "${@:2}"
}

# tell MESSAGE: prints it, with escapes for invisible characters.
tell() {
    local message="${0##*/}: $*"
    if [[ $message == *[!\ -~]* ]]; then tables show_lines <<<"$message"; else echo "$message"; fi
}
say() { tell "$*"; }
warn() { tell "warning: $*" >&2; }
die() {
    tell "error: $*" >&2
    exit 1
}

# need_number WHAT VALUE: ends the script unless VALUE is a whole number from 1 to 999999999.
need_number() {
    [[ $2 =~ ^0*[1-9][0-9]{0,8}$ ]] || die "$1 must be a whole number from 1 to 999999999, got '$2'"
}

# usage_exit STATUS: prints $help_message, which the script has set, and ends the script.
# shellcheck disable=SC2154
usage_exit() {
    if [ "$1" = 0 ]; then echo "$help_message"; else echo "$help_message" >&2; fi
    exit "$1"
}

# unknown_option OPTION: names it, prints the help, and ends the script.
unknown_option() {
    echo "${0##*/}: error: unknown option $1" >&2
    usage_exit 1
}

# need_toolkit: lets python3 import the toolkit of this checkout.
need_toolkit() {
    local root
    root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
    # shellcheck source=tools/activate.sh
    [ ! -f "$root/tools/activate.sh" ] || . "$root/tools/activate.sh"
}

# files_like DIR PATTERN [BUT]: names of the files in DIR, except BUT, that match the extended regular expression as a
# whole.
files_like() {
    local path name
    for path in "$1"/*; do
        name=${path##*/}
        if [[ $name =~ ^($2)$ && $name != "${3:-}" ]] && [ -f "$path" ]; then echo "$name"; fi
    done
}

# extra_pattern NAMES: a blank-separated list of file names as a regular expression.
extra_pattern() {
    local names
    read -r -a names <<<"${1//./\\.}"
    if [ ${#names[@]} -gt 0 ]; then (IFS='|' && echo "|${names[*]}"); fi
}

# tables_of DIR utt|reco|spk: names of DIR's tables with such keys. Without segments, DIR has no recording tables.
tables_of() {
    local utt_tables reco_tables=$RECO_TABLES
    utt_tables=$UTT_TABLES$(extra_pattern "$extra_utt_files")
    [ -f "$1/segments" ] || utt_tables+="|$RECO_TABLES"
    [ -f "$1/segments" ] || reco_tables='-'
    case $2 in
        utt) files_like "$1" "$utt_tables" utt2spk ;;
        reco) files_like "$1" "$reco_tables" ;;
        spk) files_like "$1" "$SPK_TABLES$(extra_pattern "$extra_spk_files")" spk2utt ;;
    esac
}

# all_tables DIR: names of all tables of DIR.
all_tables() {
    files_like "$1" "$MAIN_TABLES"
    tables_of "$1" utt
    tables_of "$1" reco
    tables_of "$1" spk
}

# plan_table PLAN [UTT_PREFIX UTT_SUFFIX SPK_PREFIX SPK_SUFFIX]: the lines of a plan as a table, "id line", with new ids
# of mixtures and speakers if given; reports lines that are not mixtures on stderr, and fails for them.
plan_table() {
    python3 -S -c '
import json, sys
plan, *affixes = sys.argv[1:]
code = 0
for number, line in enumerate(open(plan, "rb"), 1):
    line = line.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"")
    try:
        mixture = json.loads(line.decode())
        if len(mixture["id"].encode().split()) != 1:
            raise ValueError
        if any(affixes):
            mixture["id"] = affixes[0] + mixture["id"] + affixes[1]
            mixture["speaker"] = affixes[2] + mixture["speaker"] + affixes[3]
            line = json.dumps(mixture, ensure_ascii=False).encode()
        key = mixture["id"].encode()
        sys.stdout.buffer.write(key + b" " + line.strip() + b"\n")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        code = 1
        print(f"{plan}:{number}: expected a mixture, a JSON object with an id", file=sys.stderr)
sys.exit(code)' "$@"
}

# plan_lines: the inverse of plan_table, from standard input.
plan_lines() { sed 's/^[^ ]* //'; }

# rename_keys PREFIX SUFFIX: the lines of standard input with new ids, sorted.
rename_keys() {
    PREFIX=$1 SUFFIX=$2 awk '
        { id = $1; sub(/^[ \t]*[^ \t]+/, ""); print ENVIRON["PREFIX"] id ENVIRON["SUFFIX"] $0 }' | sort
}

# rename_speakers UTT_PREFIX UTT_SUFFIX SPK_PREFIX SPK_SUFFIX: the utt2spk of standard input with new ids, sorted.
rename_speakers() {
    # Rename speakers while they are the first field.
    awk '{ print $2, $1 }' | rename_keys "$3" "$4" | awk '{ print $2, $1 }' | rename_keys "$1" "$2"
}

# rename_enrolments UTT_PREFIX UTT_SUFFIX SPK_PREFIX SPK_SUFFIX: the lines of standard input with new ids in values of
# the form *UTT SPEAKER.
rename_enrolments() {
    UTT_PREFIX=$1 UTT_SUFFIX=$2 SPK_PREFIX=$3 SPK_SUFFIX=$4 awk '
        $2 ~ /^\*/ && NF == 3 {
            $2 = "*" ENVIRON["UTT_PREFIX"] substr($2, 2) ENVIRON["UTT_SUFFIX"]
            $3 = ENVIRON["SPK_PREFIX"] $3 ENVIRON["SPK_SUFFIX"]
        }
        { print }'
}

# drawn_elsewhere DIR: prints true if DIR has enrolments that are drawn from another set (see its mix_conf.yaml).
drawn_elsewhere() {
    local dirs
    if [ ! -f "$1/mix_conf.yaml" ] || [ -z "$(files_like "$1" "$ENROLMENTS")" ]; then return 0; fi
    dirs=$(need_toolkit && python3 -m toolkit.bin.enrolment_dirs "$1") || exit 1
    [ -z "$dirs" ] || echo true
}

# column N FILE: the Nth field of every line.
column() { awk -v n="$1" '{ print $n }' "$2"; }

# need_data_dir DIR: ends the script unless DIR is a data dir.
need_data_dir() {
    [[ $1 != -* ]] || die "$1: a name that begins with a dash must be written ./$1"
    [ -d "$1" ] || die "$1: no such data dir"
    if [ ! -f "$1/utt2spk" ] || [ ! -s "$1/utt2spk" ]; then die "$1/utt2spk: missing or empty"; fi
}

# need_source DIR [DEST]: ends the script unless DIR is a data dir with well-formed tables, different from
# DEST. $open_ends = 1 lets segments end at -1.
open_ends=0
need_source() {
    local faults names
    need_data_dir "$1"
    if [ $# -eq 2 ]; then
        [ -n "$2" ] || die "the name of the destination is empty"
        [[ $2 != -* ]] || die "$2: a name that begins with a dash must be written ./$2"
        if [ -e "$2" ] && [ ! -d "$2" ]; then die "$2: is not a folder"; fi
        if [ "$1" -ef "$2" ]; then die "source and destination are both $1"; fi
    fi
    mapfile -t names < <(all_tables "$1")
    faults=$(tables check_tables 0 "$open_ends" "${names[@]/#/"$1"/}" | head -n 10)
    if [ -z "$faults" ]; then faults=$(for_each_plan "$1" 2>&1 >/dev/null | head -n 10); fi
    [ -z "$faults" ] || die "$faults
  correct them; utils/fix_data_dir.sh $1 drops malformed lines and duplicates, and removes marks and DOS line ends"
}

# for_each_plan DIR: the plans of DIR as plan_table has them.
for_each_plan() {
    local name
    for name in $(files_like "$1" "$PLAN"); do plan_table "$1/$name" || true; done
}

# make_aside DEST: makes DEST and in it the folder $aside, where files are written before they are renamed.
make_aside() {
    local path=$1
    made=()
    until [ -d "$path" ]; do
        made+=("$path")
        path=$(dirname -- "$path")
    done
    mkdir -p -- "$1" 2>/dev/null || die "$1: cannot make the folder"
    # Remove what killed runs left, not the folder of a run that is at work.
    for path in "$1"/.aside.*; do
        path=${path##*/.aside.}
        if [[ ! ${path%%.*} =~ ^[0-9]+$ ]] || [ ! -d "/proc/${path%%.*}" ]; then rm -rf "$1/.aside.$path"; fi
    done
    aside=$(mktemp -d "$1/.aside.$$.XXXXXX" 2>/dev/null) || die "$1: cannot write into the folder"
    trap 'rm -rf "$aside"; [ ${#made[@]} -eq 0 ] || rmdir "${made[@]}" 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# fill_ends DIR SEGMENTS OUT COMMAND: SEGMENTS with times for ends of -1 (to the end of the recording), from the reco2dur
# of DIR, else from the audio of its wav.scp, whose durations COMMAND SCP OUT computes.
fill_ends() {
    local dir=$1 segments=$2 out=$3 lost
    awk '$4 ~ /^-/ { print $2 }' "$segments" | sort -u >"$aside/.recos"
    if [ ! -s "$aside/.recos" ]; then
        cp "$segments" "$out"
        return
    fi
    : >"$aside/.durations"
    if [ -f "$dir/reco2dur" ]; then "$tools/filter_scp.pl" "$aside/.recos" "$dir/reco2dur" >"$aside/.durations"; fi
    if [ -f "$dir/wav.scp" ]; then
        "$tools/filter_scp.pl" "$aside/.recos" "$dir/wav.scp" |
            "$tools/filter_scp.pl" --exclude "$aside/.durations" >"$aside/.scp"
        if [ -s "$aside/.scp" ]; then
            "$4" "$aside/.scp" "$aside/.more"
            cat "$aside/.more" >>"$aside/.durations"
        fi
    fi
    lost=$("$tools/filter_scp.pl" --exclude "$aside/.durations" "$aside/.recos" | awk 'NR == 1')
    [ -z "$lost" ] || die "$dir/segments: the end of $lost is -1, to its end, and its length is unknown;" \
        "add it to wav.scp or reco2dur, or write the time"
    awk 'FNR == NR { seconds[$1] = $2; next } $4 ~ /^-/ { $4 = seconds[$2] } { print }' "$aside/.durations" "$segments" >"$out"
}

# put_in_place DEST: renames the files of $aside into DEST.
put_in_place() {
    mv -f "$aside"/* "$1"
}

# replace_contents DEST: as put_in_place; removes old tables of DEST that are not replaced.
replace_contents() {
    local name
    for name in $(all_tables "$1") $(files_like "$1" "$WHOLE_FILES|$PLAN"); do
        if [ ! -e "$aside/$name" ]; then
            say "removed $1/$name, which belonged to the former contents"
            rm -f "$1/$name"
        fi
    done
    put_in_place "$1"
}

# place_valid SRC DEST OPTION...: moves the files of $aside, made from SRC, into DEST if they are a valid data dir.
place_valid() {
    local src=$1 dest=$2 messages
    shift 2
    messages=$("$tools/validate_data_dir.sh" "$@" "$aside" 2>&1) || {
        grep -v '^validate_data_dir.sh: [^:]*$' <<<"${messages//"$aside"/"$dest"}" >&2
        die "$dest was not made, because it would be invalid; fix $src first (utils/fix_data_dir.sh)"
    }
    replace_contents "$dest"
    echo "${messages//"$aside"/"$dest"}"
}

# copy_whole_files SRC: copies the files about the whole dir into $aside.
copy_whole_files() {
    local name
    for name in $(files_like "$1" "$WHOLE_FILES"); do
        cp "$1/$name" "$aside/$name"
    done
}

# select_utts SRC UTTS OUT: writes SRC's tables and plan into OUT, cut down to the utterances listed in UTTS and to
# their recordings and speakers; makes spk2utt.
select_utts() {
    local src=$1 utts=$2 out=$3 name names
    mapfile -t names < <(echo utt2spk; tables_of "$src" utt; files_like "$src" segments)
    tables filter_tables "$utts" "$out" "${names[@]/#/"$src"/}"
    "$tools/utt2spk_to_spk2utt.pl" "$out/utt2spk" >"$out/spk2utt"
    mapfile -t names < <(tables_of "$src" spk)
    [ ${#names[@]} -eq 0 ] || tables filter_tables "$out/spk2utt" "$out" "${names[@]/#/"$src"/}"
    mapfile -t names < <(tables_of "$src" reco)
    if [ ${#names[@]} -gt 0 ]; then
        column 2 "$out/segments" >"$out/.recos"
        tables filter_tables "$out/.recos" "$out" "${names[@]/#/"$src"/}"
        rm "$out/.recos"
    fi
    for name in $(files_like "$src" "$PLAN"); do
        plan_table "$src/$name" | "$tools/filter_scp.pl" "$utts" | plan_lines >"$out/$name"
    done
}
