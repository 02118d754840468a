#!/usr/bin/env bash
# Merges data dirs into one.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--extra-files \"f1 f2\"] [--skip-fix true|false] <dest-dir> <src-dir1> <src-dir2> ...
 e.g.: $0 data/train data/train_clean data/train_other

The result has only tables that all sources have; a missing reco2file_and_channel is an error. An id can be in several sources if its lines are equal.
Where some sources have segments and others not, the others' utterances become whole-recording segments (needs utt2dur).
Where some sources have utt2uniq, the others' utterances are their own. Features (feats.scp) made in different ways
(feats_conf.yaml) are refused; plans of mixtures (mix.jsonl) are merged if they draw on the same sets (mix_conf.yaml).
The extra files are further tables to merge. Ends with fix_data_dir.sh, unless --skip-fix true."

extra_files=""
skip_fix=false
# shellcheck source=utils/parse_options.sh
. "$(dirname "$0")/parse_options.sh"
# shellcheck source=utils/data_dir_lib.sh
. "$(dirname "$0")/data_dir_lib.sh"
[ $# -ge 2 ] || usage_exit 1
dest=${1%/}
shift
extra_utt_files=$extra_files
utils=$(dirname "$0")
for src in "$@"; do
    need_source "$src" "$dest"
done

# sources_lacking NAME SRC...: the sources without this file.
sources_lacking() {
    local name=$1 src
    shift
    for src in "$@"; do
        [ -f "$src/$name" ] || echo "$src"
    done
}

# merge NAME: the lines of standard input, sorted, into $aside/NAME; one id with two values is an error.
merge() {
    local clash
    sort -u >"$aside/$1"
    clash=$(awk '$1 "" == last { print $1; exit } { last = $1 "" }' "$aside/$1")
    [ -z "$clash" ] || die "$1: id $clash has different values in the sources: $(
        awk -v id="$clash" '$1 "" == id { printf "%s\"%s\"", (n++ ? " and " : ""), $0 }' "$aside/$1"
    )"
}

# segments_of SRC: its segments, or one for every whole utterance.
segments_of() {
    if [ -f "$1/segments" ]; then
        awk 1 "$1/segments"
    else
        [ -f "$1/utt2dur" ] || die "$1 has no segments, but other sources have: add utt2dur, from which they can be made"
        awk '{ print $1, $1, 0, $2 }' "$1/utt2dur"
    fi
}

# merge_segments SRC...: segments of all sources, if any of them has a segments file.
merge_segments() {
    local src
    if [ "$(sources_lacking segments "$@" | wc -l)" -lt $# ]; then
        for src in "$@"; do segments_of "$src"; done | merge segments
    fi
}

# uniq_of SRC: its utt2uniq, or every utterance mapped to itself.
uniq_of() {
    if [ -f "$1/utt2uniq" ]; then awk 1 "$1/utt2uniq"; else awk '{ print $1, $1 }' "$1/utt2spk"; fi
}

# merge_whole_file NAME SRC...: keeps a file about the whole dir if it is equal in all sources.
merge_whole_file() {
    local name=$1 src
    shift
    for src in "$@"; do
        if ! cmp -s "$1/$name" "$src/$name"; then
            if [ "$name" = feats_conf.yaml ] && [ -f "$aside/feats.scp" ]; then
                die "$1/$name and $src/$name differ: the features have different settings; extract them with one config"
            fi
            say "left out $name: $1 and $src do not have the same"
            return
        fi
    done
    cp "$1/$name" "$aside/$name"
}

# merge_plan NAME SRC...: the mixtures of all sources, if all are plans over the same sets.
merge_plan() {
    local name=$1 src lacking
    shift
    lacking=$(sources_lacking "$name" "$@")
    if [ -n "$lacking" ]; then
        say "left out $name: not in ${lacking//$'\n'/ }"
    elif [ ! -f "$aside/mix_conf.yaml" ]; then
        say "left out $name: the sources' plans draw on different sets (mix_conf.yaml)"
    else
        for src in "$@"; do plan_table "$src/$name"; done | merge "$name"
        plan_lines <"$aside/$name" >"$aside/.plan"
        mv "$aside/.plan" "$aside/$name"
        return
    fi
    rm -f "$aside/mix_conf.yaml"
}

# names_in COMMAND SRC...: the sorted file names that COMMAND lists for any source.
names_in() {
    local command=$1 src
    shift
    for src in "$@"; do "$command" "$src"; done | sort -u
}
whole_files() { files_like "$1" "$WHOLE_FILES"; }
plans() { files_like "$1" "$PLAN"; }

make_aside "$dest"
for name in $(names_in all_tables "$@"); do
    case $name in
        segments | spk2utt) continue ;;
        utt2uniq)
            for src in "$@"; do uniq_of "$src"; done | merge utt2uniq
            continue
            ;;
    esac
    lacking=$(sources_lacking "$name" "$@")
    if [ -n "$lacking" ]; then
        [ "$name" != reco2file_and_channel ] || die "${lacking//$'\n'/, }: has no $name, which says the channels of the" \
            "other sources' recordings; give it one (recording file A|B), or remove all"
        say "left out $name: not in ${lacking//$'\n'/ }"
    else
        awk 1 "${@/%//"$name"}" | merge "$name"
    fi
done
merge_segments "$@"
"$utils/utt2spk_to_spk2utt.pl" "$aside/utt2spk" >"$aside/spk2utt"
for name in $(names_in whole_files "$@"); do
    merge_whole_file "$name" "$@"
done
for name in $(names_in plans "$@"); do
    merge_plan "$name" "$@"
done
replace_contents "$dest"
say "$dest has $(wc -l <"$dest/utt2spk") utterances of $# sources"
if ! $skip_fix; then
    "$utils/fix_data_dir.sh" --utt-extra-files "$extra_files" "$dest"
fi
