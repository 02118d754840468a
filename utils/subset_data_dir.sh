#!/usr/bin/env bash
# Makes a data dir with a subset of the utterances of another one.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--first|--last|--shortest|--per-spk|--speakers] <src-dir> <n> <dest-dir>
   or: $0 --spk-list <file>|--utt-list <file> <src-dir> <dest-dir>
 e.g.: $0 data/train 1000 data/train_1k
       $0 --spk-list data/dev_speakers data/train data/dev

Takes n utterances, evenly spread over the source, or
  --first, --last    the first, the last n
  --shortest         the n shortest by utt2dur or utt2num_frames (or utt2num_samples)
  --per-spk          up to n of every speaker, evenly spread
  --speakers         all utterances of randomly drawn speakers (the same ones every time), until there are n or more
  --spk-list f       those of the speakers listed in f
  --utt-list f       those listed in f"

utils=$(dirname "$0")
# shellcheck source=utils/data_dir_lib.sh
. "$utils/data_dir_lib.sh"

mode=even
list=""
while [[ ${1:-} == -* ]]; do
    case $1 in
        --first | --last | --shortest | --per-spk | --speakers) mode=${1#--} ;;
        --spk-list | --utt-list)
            mode=${1#--}
            list=${2:-}
            [ -f "$list" ] || die "$1 $list: no such file"
            shift
            ;;
        --help) usage_exit 0 ;;
        *) unknown_option "$1" ;;
    esac
    shift
done
if [ -n "$list" ]; then
    [ $# -eq 2 ] || usage_exit 1
    src=${1%/} dest=${2%/} n=
else
    [ $# -eq 3 ] || usage_exit 1
    src=${1%/} n=$2 dest=${3%/}
    need_number "the number of utterances to take" "$n"
    n=$((10#$n))
fi
need_source "$src" "$dest"
total=$(wc -l <"$src/utt2spk")
if [ -n "$n" ] && [ "$mode" != per-spk ] && [ "$n" -gt "$total" ]; then
    die "$src has $total utterances, fewer than $n"
fi

# shortest: ids of the n utterances with the smallest value in the best available table.
shortest() {
    local name
    for name in utt2dur utt2num_frames utt2num_samples; do
        if [ -f "$src/$name" ]; then
            sort -s -k2,2g "$src/$name" | awk -v n="$n" 'NR <= n { print $1 }'
            return
        fi
    done
    die "--shortest needs $src/utt2dur or $src/utt2num_frames"
}

# evenly GROUP: up to n utterances of every group of utt2spk lines that share the field GROUP (0: all are one group),
# evenly spread over the group.
evenly() {
    awk -v n="$n" -v field="$1" '
        { group = field ? $field : "" }
        FNR == NR { size[group]++; next }
        { i = ++seen[group]; total = size[group] }
        n >= total || int(i * n / total) > int((i - 1) * n / total) { print $1 }' "$src/utt2spk" "$src/utt2spk"
}

# drawn_speakers: all utterances of whole speakers in spk2utt lines, in a random order with a fixed seed.
drawn_speakers() {
    perl -e '
        srand(0);
        my @lines = <STDIN>;
        for (my $taken = 0; $taken < $ARGV[0] && @lines; ) {
            my (undef, @utts) = split " ", splice(@lines, rand @lines, 1);
            $taken += @utts;
            print map { "$_\n" } @utts;
        }' "$n"
}

# listed FIELD: utterances whose FIELD in utt2spk is in the list; warns about ids that are not there.
listed() {
    local unknown=$aside/.lists/unknown alike
    "$utils/filter_scp.pl" --exclude <(column "$1" "$src/utt2spk") "$list" | awk '{ print $1 }' | sort -u >"$unknown"
    if [ -s "$unknown" ]; then
        alike=$(column "$1" "$src/utt2spk" | sort -u | comm -3 - "$unknown" | tables look_alikes | awk 'NR == 1')
        warn "$(wc -l <"$unknown") ids of $list are not in $src/utt2spk, e.g. $(awk 'NR == 1' "$unknown")${alike:+; $alike}"
    fi
    "$utils/filter_scp.pl" -f "$1" "$list" "$src/utt2spk" | awk '{ print $1 }'
}

pick() {
    case $mode in
        even) evenly 0 ;;
        first) awk -v n="$n" 'NR <= n { print $1 }' "$src/utt2spk" ;;
        last) awk -v skip=$((total - n)) 'NR > skip { print $1 }' "$src/utt2spk" ;;
        shortest) shortest ;;
        per-spk) evenly 2 ;;
        speakers) "$utils/utt2spk_to_spk2utt.pl" "$src/utt2spk" | drawn_speakers ;;
        spk-list) listed 2 ;;
        utt-list) listed 1 ;;
    esac
}

make_aside "$dest"
mkdir "$aside/.lists"
pick >"$aside/.lists/utts"
[ -s "$aside/.lists/utts" ] || die "$src: none of the ids of $list is in utt2spk"
select_utts "$src" "$aside/.lists/utts" "$aside"
copy_whole_files "$src"
kept=$(wc -l <"$aside/utt2spk")
replace_contents "$dest"
say "$dest: $kept of the $total utterances of $src"
