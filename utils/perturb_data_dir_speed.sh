#!/usr/bin/env bash
# Makes a data dir of the same utterances at another speed (tempo and pitch), as other speakers.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 <factor> <src-dir> <dest-dir>
 e.g.: $0 0.9 data/train data/train_sp0.9
       utils/combine_data.sh data/train_sp data/train data/train_sp0.9 data/train_sp1.1

1.1 is faster and higher. Utterances, speakers and recordings get the prefix sp<factor>-; utt2uniq says which utterance
each one comes from. Audio in wav.scp and in the streams (spk1.scp, noise1.scp, ...) becomes a command of the toolkit,
python3 -m toolkit.bin.change_speed <factor> <audio> |, which stage 2 runs with --allow_pipes (of a recipe: --format_opts
--allow_pipes): it needs no sox, reads every format that the toolkit reads, and gives the same samples on every machine.
Times in segments, utt2dur, reco2dur are divided by the factor; text and other facts stay. What was made from the audio
(feats.scp, vad.scp, cmvn.scp, utt2num_*, mix.jsonl) is left out. validate_data_dir.sh checks the result.
(A recipe does this faster, in stage 3, without commands: --speed_perturb_factors \"0.9 1.0 1.1\".)"

utils=$(dirname "$0")
# shellcheck source=utils/data_dir_lib.sh
. "$utils/data_dir_lib.sh"
[ "${1:-}" != --help ] || usage_exit 0
[ $# -eq 3 ] || usage_exit 1
[[ $1 =~ ^([0-9]+[.]?[0-9]*|[.][0-9]+)$ ]] || die "expected a factor such as 0.9, got '$1'"
factor=$(awk -v f="$1" 'BEGIN { printf "%g", f }')
src=${2%/}
dest=${3%/}
awk -v f="$factor" 'BEGIN { exit !(f >= 0.1 && f <= 10) }' || die "factor $1: must be from 0.1 to 10"
[ "$factor" != 1 ] || die "factor $1 changes nothing; utils/copy_data_dir.sh copies"
need_source "$src" "$dest"
prefix=sp$factor-
# Files that depend on the original speed.
readonly OF_THE_AUDIO='(feats|vad|cmvn)\.scp|utt2num_[a-z]+|(utt|spk)2warp'
affixes=("$prefix" "" "$prefix" "")

# change_speed: lines "id audio" of standard input with the audio at the new speed.
change_speed() {
    FACTOR=$factor awk '
        $2 !~ /^\*/ {
            id = $1
            sub(/^[ \t]*[^ \t]+[ \t]+/, "")
            sub(/[ \t]+$/, "")
            pipes = $0 ~ /[|]$/ ? " --allow_pipes" : ""
            if ($0 !~ /^[A-Za-z0-9_.,:@%+=\/-]+$/) {  # what a shell would not leave as it is
                gsub(/\047/, "\047\\\047\047")
                $0 = "\047" $0 "\047"
            }
            $0 = id " python3 -m toolkit.bin.change_speed " ENVIRON["FACTOR"] " " $0 pipes " |"
        }
        { print }'
}

# divide FIRST: lines of standard input with the numbers from field FIRST on divided by the factor.
divide() {
    awk -v factor="$factor" -v first="$1" '
        {
            for (i = first; i <= NF; i++) {
                $i = sprintf("%.6f", $i / factor)
                sub(/[.]?0+$/, "", $i)
            }
            print
        }'
}

# perturb NAME: the table NAME of the source, converted for the destination.
perturb() {
    case $1 in
        wav.scp | spk[0-9]*.scp | noise[0-9]*.scp | dereverb[0-9]*.scp) change_speed ;;
        enroll_spk*.scp) rename_enrolments "${affixes[@]}" | change_speed ;; # they are of the same new speaker
        segments) awk -v prefix="$prefix" '{ $2 = prefix $2; print }' | divide 3 ;;
        utt2dur | reco2dur) divide 2 ;;
        *) cat ;;
    esac <"$src/$1" | rename_keys "$prefix" ""
}

for name in $(files_like "$src" "$ENROLMENTS"); do
    ! grep -q '[.]npy[ \t]*$' "$src/$name" ||
        die "$src/$name: holds embeddings (.npy), which have no speed; give it the audio they were made from"
done
make_aside "$dest"
rename_speakers "${affixes[@]}" <"$src/utt2spk" >"$aside/utt2spk"
"$utils/utt2spk_to_spk2utt.pl" "$aside/utt2spk" >"$aside/spk2utt"
for name in $(tables_of "$src" utt) $(tables_of "$src" reco) $(tables_of "$src" spk) $(files_like "$src" segments); do
    [[ $name =~ ^($OF_THE_AUDIO)$ ]] || perturb "$name" >"$aside/$name"
done
[ -f "$src/utt2uniq" ] || awk -v prefix="$prefix" '{ print prefix $1, $1 }' "$src/utt2spk" | sort >"$aside/utt2uniq"
left_out=$(files_like "$src" "$OF_THE_AUDIO|$WHOLE_FILES|$PLAN")
[ -z "$left_out" ] || say "left out ${left_out//$'\n'/ }: not of the audio at this speed"
options=(--no-feats --no-wav-check)
for name in wav.scp text; do
    [ -f "$src/$name" ] || options+=("--no-${name%.scp}")
done
place_valid "$src" "$dest" "${options[@]}"
