#!/usr/bin/env bash
# Splits a data dir into pieces of about equal size, for parallel jobs.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--per-utt|--per-reco] <data-dir> <n>
 e.g.: $0 data/train 8     # data/train/split8/1 ... data/train/split8/8

Each piece is a data dir with all tables, in the order of the whole one. No speaker is in two pieces, but with
  --per-utt    pieces end anywhere; they are in split<n>utt/
  --per-reco   pieces end between recordings (of segments); they are in split<n>reco/
More pieces than speakers (utterances, recordings) is an error. The pieces take their places together, when all are
made; if they were made from the same tables before, nothing is done."

utils=$(dirname "$0")
# shellcheck source=utils/data_dir_lib.sh
. "$utils/data_dir_lib.sh"

unit=spk
while [[ ${1:-} == -* ]]; do
    case $1 in
        --per-spk | --per-utt | --per-reco) unit=${1#--per-} ;;
        --help) usage_exit 0 ;;
        *) unknown_option "$1" ;;
    esac
    shift
done
[ $# -eq 2 ] || usage_exit 1
dir=${1%/}
n=$2
need_number "the number of pieces" "$n"
n=$((10#$n))
need_source "$dir"
name=split$n
[ "$unit" = spk ] || name+=$unit
dest=$dir/$name

# state: what the pieces are made from.
state() {
    local files
    mapfile -t files < <(all_tables "$dir" && files_like "$dir" "$WHOLE_FILES|$PLAN")
    (cd "$dir" && sha256sum "${files[@]}")
}

# units: lines "utterance unit" in the order of utt2spk; a unit is never split.
units() {
    if [ "$unit" = spk ]; then
        cat "$dir/utt2spk"
    elif [ "$unit" = reco ] && [ -f "$dir/segments" ]; then
        awk '{ print $1, $2 }' "$dir/segments"
    else
        awk '{ print $1, $1 }' "$dir/utt2spk"
    fi
}

# list_pieces: the pieces of each utterance, speaker and recording: $lists/{utt,spk,reco}, lines "id piece".
list_pieces() {
    local count piece
    units >"$lists/units"
    count=$(column 2 "$lists/units" | sort -u | wc -l)
    [ "$count" -ge "$n" ] || die "$dir: cannot make $n pieces of $count $(
        case $unit in spk) echo "speakers; --per-utt cuts them" ;; utt) echo utterances ;; reco) echo recordings ;; esac
    )"
    mapfile -t pieces < <(seq "$n")
    mkdir "${pieces[@]/#/"$aside"/}"
    "$utils/split_scp.pl" --utt2spk="$lists/units" "$lists/units" "${pieces[@]/#/"$lists"/piece.}"
    for piece in "${pieces[@]}"; do
        awk -v piece="$piece" '{ print $1, piece }' "$lists/piece.$piece"
    done >"$lists/utt"
    # shellcheck disable=SC2016
    local owner='FNR == NR { piece[$1] = $2; next } { print $2, piece[$1] }'
    awk "$owner" "$lists/utt" "$dir/utt2spk" | sort -u >"$lists/spk"
    [ ! -f "$dir/segments" ] || awk "$owner" "$lists/utt" "$dir/segments" | sort -u >"$lists/reco"
}

# deal LIST NAME: the lines of standard input into $aside/<piece>/NAME for all pieces that LIST has for a line's key.
deal() {
    perl -e '
        use strict;
        use warnings;
        my ($list, $name, $aside) = @ARGV;
        my (%pieces, %lines, $lost, $example);
        open(my $handle, "<", $list) or die "$list: $!\n";
        while (<$handle>) { my ($key, $piece) = split; push @{ $pieces{$key} }, $piece; $lines{$piece} = ""; }
        sub put {
            my ($piece) = @_;
            my $path = "$aside/$piece/$name";
            open(my $out, ">>", $path) or die "$path: $!\n";
            print($out $lines{$piece}) && close($out) or die "$path: $!\n";
            $lines{$piece} = "";
        }
        while (my $line = <STDIN>) {
            chomp $line;
            my ($key) = split(" ", $line);
            my $pieces_of_key = $pieces{ $key // "" } or do { $lost++; $example = $line; next };
            for my $piece (@$pieces_of_key) {
                $lines{$piece} .= "$line\n";
                # Flush sometimes, to limit memory and open files.
                put($piece) if length $lines{$piece} > 65536;
            }
        }
        put($_) for sort keys %lines;
        print STDERR "split_data.sh: warning: left out $lost lines of $name, whose ids are not utterances, ",
            "e.g. $example\n" if $lost;' "$lists/$1" "$2" "$aside"
}

# Two splits of the same dir take turns.
{ exec 9>"$dir/.split.lock"; } 2>/dev/null || die "$dir: cannot write into the folder"
! command -v flock >/dev/null || flock 9
if [ -f "$dest/.state" ] && [ "$(state)" = "$(cat "$dest/.state")" ]; then
    say "$dest was made from the same tables before"
    exit 0
fi
aside=$dir/.$name.aside
# Remove what a killed run left.
rm -rf "$aside" "$aside.old"
trap 'rm -rf "$aside"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
lists=$aside/.lists
mkdir -p "$lists"
state >"$aside/.state"
list_pieces
for table in utt2spk $(tables_of "$dir" utt) $(files_like "$dir" segments); do
    deal utt "$table" <"$dir/$table"
done
for table in $(tables_of "$dir" spk); do
    deal spk "$table" <"$dir/$table"
done
for table in $(tables_of "$dir" reco); do
    deal reco "$table" <"$dir/$table"
done
for plan in $(files_like "$dir" "$PLAN"); do
    plan_table "$dir/$plan" | deal utt "$plan"
done
for piece in "${pieces[@]}"; do
    "$utils/utt2spk_to_spk2utt.pl" "$aside/$piece/utt2spk" >"$aside/$piece/spk2utt"
    for plan in $(files_like "$dir" "$PLAN"); do
        plan_lines <"$aside/$piece/$plan" >"$lists/plan"
        mv "$lists/plan" "$aside/$piece/$plan"
    done
    for whole in $(files_like "$dir" "$WHOLE_FILES"); do
        cp "$dir/$whole" "$aside/$piece/$whole"
    done
done
rm -r "$lists"
[ ! -e "$dest" ] || mv "$dest" "$aside.old"
mv "$aside" "$dest"
rm -rf "$aside.old"
say "$dest has $n pieces of $(wc -l <"$dir/utt2spk") utterances"
