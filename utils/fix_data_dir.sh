#!/usr/bin/env bash
# Fixes a data dir: sorts its tables and keeps the utterances that all of them have.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--utt-extra-files \"f1 f2\"] [--spk-extra-files \"f3\"] <data-dir>
 e.g.: $0 --utt-extra-files \"utt.lst\" data/train

Lines that break a table's form and repeated ids are dropped (the first line of an id stays), byte order marks and DOS
line ends are removed, every table is sorted, and only utterances that every table has are kept (and the plan of
mixtures, mix.jsonl, where there is one); spk2utt is made anew from utt2spk. An end of -1 in segments (to the end of the
recording) becomes a time, from reco2dur or the audio file. Where an enroll_spk<N>.scp says *UTT SPEAKER, that speaker must have another utterance than UTT left.
The former files are in .backup/.
The extra files are further tables, keyed by utterance or by speaker."

utt_extra_files=""
spk_extra_files=""
# shellcheck source=utils/parse_options.sh
. "$(dirname "$0")/parse_options.sh"
# shellcheck source=utils/data_dir_lib.sh
. "$(dirname "$0")/data_dir_lib.sh"
[ $# -eq 1 ] || usage_exit 1
dir=${1%/}
extra_utt_files=$utt_extra_files
extra_spk_files=$spk_extra_files
utils=$(dirname "$0")

need_data_dir "$dir"
make_aside "$dir"
clean=$aside/.clean
mkdir "$clean" "$aside/.lists"
utts=$aside/.lists/utts

# clean_tables NAME...: $dir/NAME without malformed lines, sorted, every id once, in $clean.
clean_tables() {
    local name ordered
    # Fast path: most tables are well formed and sorted.
    ordered=$(tables copy_ordered "$clean" "${@/#/"$dir"/}")
    for name; do
        [[ $'\n'$ordered$'\n' == *$'\n'"$name"$'\n'* ]] || clean_table "$name"
    done
}

clean_table() {
    local before after
    tables clean_table "$dir/$1" | sort -s -u -k1,1 >"$clean/$1"
    ! printf '\xef\xbb\xbf' | cmp -s -n 3 - "$dir/$1" || say "$dir/$1: removed the byte order mark (U+FEFF)"
    before=$(awk 'END { print NR }' "$dir/$1")
    after=$(wc -l <"$clean/$1")
    [ "$before" -eq "$after" ] || say "$dir/$1: dropped $((before - after)) malformed or repeated lines"
}

# clean_plan NAME: $dir/NAME with only valid mixtures, every id once, in $clean.
clean_plan() {
    { plan_table "$dir/$1" || true; } 2>"$aside/.lists/bad" | awk '!seen[$1]++' | plan_lines >"$clean/$1"
    [ ! -s "$aside/.lists/bad" ] || say "$dir/$1: dropped $(wc -l <"$aside/.lists/bad") lines that are not mixtures"
}

# durations SCP OUT: of recordings, from their headers.
durations() {
    local command
    command=$(awk '/[|][ \t]*$/ { print $1; exit }' "$1")
    [ -z "$command" ] || die "$dir/segments: the end of $command is -1, to its end, and wav.scp has a command for it," \
        "which is not run here; add its length to reco2dur, or write the time"
    need_toolkit
    python3 -m toolkit.bin.audio_durations "$1" "$2" || die "$dir: nothing was changed"
}

# end_segments: writes times for ends of -1; drops segments that begin after the end of their recording.
end_segments() {
    local before after
    before=$(wc -l <"$clean/segments")
    fill_ends "$clean" "$clean/segments" "$aside/.segments" durations
    awk '$4 + 0 > $3 + 0' "$aside/.segments" >"$clean/segments"
    after=$(wc -l <"$clean/segments")
    [ "$before" -eq "$after" ] || say "$dir/segments: dropped $((before - after)) that begin after the end of the recording"
}

# keep_only LIST WHAT OWNER: cuts the sorted LIST (of WHAT) down to the sorted ids of standard input (those of OWNER).
keep_only() { tables DataDir::keep_only "$@"; }

# keep_common LIST WHAT NAME...: cuts the sorted LIST (of WHAT) down to the ids that every table $clean/NAME has.
keep_common() { tables DataDir::keep_common "$clean" "$@"; }

# keep_recordings: cuts the segments down to recordings that every recording table has, the utterances to segments.
keep_recordings() {
    local recos=$aside/.lists/recos
    column 2 "$clean/segments" | sort -u >"$recos"
    # shellcheck disable=SC2046  # names of tables have no blanks
    keep_common "$recos" "recordings of segments are" $(tables_of "$clean" reco)
    "$utils/filter_scp.pl" -f 2 "$recos" "$clean/segments" | awk '{ print $1 }' |
        keep_only "$utts" "utterances are" "segments (or their recordings are lost)"
}

# keep_speakers: cuts the utterances down to those of speakers that every speaker table has.
keep_speakers() {
    local spks=$aside/.lists/spks
    column 2 "$clean/utt2spk" | sort -u >"$spks"
    # shellcheck disable=SC2046
    keep_common "$spks" "speakers are" $(tables_of "$clean" spk)
    "$utils/filter_scp.pl" -f 2 "$spks" "$clean/utt2spk" | awk '{ print $1 }' |
        keep_only "$utts" "utterances are of speakers" "every speaker table"
}

# keep_enrolled: keeps utterances for which an enrolment can be drawn (*UTT SPEAKER). A dropped utterance may have been
# the enrolment of another one, so it repeats until nothing changes.
keep_enrolled() {
    local name before="" elsewhere
    elsewhere=$(drawn_elsewhere "$dir")
    until [ "$before" = "$(wc -l <"$utts")" ]; do
        before=$(wc -l <"$utts")
        for name in $(files_like "$clean" "$ENROLMENTS"); do
            "$utils/filter_scp.pl" "$utts" "$clean/utt2spk" >"$utts.utt2spk"
            tables list_undrawable "$utts.utt2spk" "$clean/$name" "$elsewhere" | awk '{ print $1 }' | comm -23 "$utts" - |
                keep_only "$utts" "utterances are" "reach of an enrolment that $name lets draw"
        done
    done
}

mapfile -t names < <(all_tables "$dir")
for i in "${!names[@]}"; do
    [ "${names[i]}" != spk2utt ] || unset "names[i]"
done
clean_tables "${names[@]}"
for name in $(files_like "$dir" "$PLAN"); do clean_plan "$name"; done
column 1 "$clean/utt2spk" >"$utts"
if [ -f "$clean/segments" ]; then
    end_segments
    keep_recordings
fi
# shellcheck disable=SC2046
keep_common "$utts" "utterances are" $(tables_of "$clean" utt)
for name in $(files_like "$clean" "$PLAN"); do
    plan_table "$clean/$name" | awk '{ print $1 }' | sort | keep_only "$utts" "utterances are" "$name"
done
keep_speakers
keep_enrolled
[ -s "$utts" ] || die "$dir: no utterances remained; nothing was changed"
select_utts "$clean" "$utts" "$aside"

mkdir -p "$dir/.backup"
mapfile -t names < <(all_tables "$dir"; files_like "$dir" "$PLAN")
cp "${names[@]/#/"$dir"/}" "$dir/.backup"
put_in_place "$dir"
say "$dir: kept $(wc -l <"$utts") utterances of $(awk 'NF { print $1 }' "$dir/.backup/utt2spk" | sort -u | wc -l)"
