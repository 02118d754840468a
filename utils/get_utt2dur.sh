#!/usr/bin/env bash
# Makes utt2dur, the durations of a data dir's utterances in seconds.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--nj 4] [--cmd utils/run.pl] [--frame-shift 0.01] [--fs 16000]
           [--read-entire-file true|false] [--permissive true|false] [--allow-pipes true|false] <data-dir>
 e.g.: $0 --nj 16 data/train

Durations come from what there is, the first of: segments (an end of -1 is that of the recording, by reco2dur or its
header); utt2num_samples (at --fs, else at the rate of the first recording); the headers of the audio in wav.scp (files,
file.ark:offset, commands ending in |);
utt2num_frames (with the dir's frame_shift file or --frame-shift, in seconds). A utt2dur that has all utterances is
kept; remove it to have it made anew.
  --nj, --cmd          number of jobs that read headers, and what runs them; logs go to <data-dir>/log
  --read-entire-file   decode the audio, do not trust headers
  --permissive         leave out utterances whose audio cannot be read
  --allow-pipes        run the commands in wav.scp; give it for a data dir that you trust as you trust a program"

nj=4
cmd=$(dirname "$0")/run.pl
frame_shift=0.01
fs=
read_entire_file=false
permissive=false
allow_pipes=false
# shellcheck source=utils/parse_options.sh
. "$(dirname "$0")/parse_options.sh"
# shellcheck source=utils/data_dir_lib.sh
. "$(dirname "$0")/data_dir_lib.sh"
[ $# -eq 1 ] || usage_exit 1
need_number --nj "$nj"
nj=$((10#$nj))
[ -z "$fs" ] || need_number --fs "$fs"
program=$(type -P -- "${cmd%% *}") || die "--cmd $cmd: no such command"
if [ ! -f "$program" ] || [ ! -x "$program" ]; then die "--cmd $cmd: is not a program"; fi
dir=${1%/}
utils=$(dirname "$0")
open_ends=1
need_source "$dir"
need_toolkit
pipes=()
! $allow_pipes || pipes=(--allow_pipes)

# read_headers SCP OUT [OPTIONS]: durations of a table of recordings, in parallel.
read_headers() {
    local scp=$1 out=$2 jobs piece
    shift 2
    jobs=$(wc -l <"$scp")
    jobs=$((jobs < nj ? jobs : nj))
    mkdir -p "$dir/log" "$aside/.pieces"
    rm -f "$dir/log"/get_utt2dur.*.log
    "$utils/split_scp.pl" "$scp" $(seq -f "$aside/.pieces/scp.%.0f" "$jobs")
    # shellcheck disable=SC2086
    $cmd "JOB=1:$jobs" "$dir/log/get_utt2dur.JOB.log" python3 -m toolkit.bin.audio_durations "$@" \
        "$aside/.pieces/scp.JOB" "$aside/.pieces/dur.JOB" || {
        grep -hs '^error: ' "$dir/log"/get_utt2dur.*.log >&2 || true
        die "$dir: cannot read the durations; see $dir/log/get_utt2dur.*.log"
    }
    grep -hs '^warning: ' "$dir/log"/get_utt2dur.*.log >&2 || true
    for piece in $(seq "$jobs"); do cat "$aside/.pieces/dur.$piece"; done | sort >"$out"
}

# from_samples: lengths in samples at a known rate; the first recording must agree with them.
from_samples() {
    local id rate=$fs
    if [ -z "$rate" ]; then
        [ -f "$dir/wav.scp" ] || die "$dir/utt2num_samples: unknown sampling rate; give it with --fs"
        awk 'NR == 1' "$dir/wav.scp" >"$aside/.first"
        python3 -m toolkit.bin.audio_durations ${pipes[@]+"${pipes[@]}"} "$aside/.first" "$aside/.first.dur" \
            --rates "$aside/.first.rate"
        read -r id rate <"$aside/.first.rate"
        awk -v id="$id" -v rate="$rate" '
            FNR == NR { seconds = $2; next }
            $1 "" == id "" && ($2 / rate - seconds) ^ 2 > 1e-6 { exit 1 }' "$aside/.first.dur" "$dir/utt2num_samples" ||
            die "$dir/utt2num_samples: has another length of $id than the audio of wav.scp; remove it, or make it again"
    fi
    awk -v rate="$rate" '{ printf "%s %.4f\n", $1, $2 / rate }' "$dir/utt2num_samples"
}

if [ -f "$dir/utt2dur" ] && cmp -s <(column 1 "$dir/utt2spk") <(column 1 "$dir/utt2dur"); then
    say "$dir/utt2dur has all utterances; it is kept"
    exit 0
fi
make_aside "$dir"
durations=$aside/utt2dur
if [ -f "$dir/segments" ]; then
    source=segments
    fill_ends "$dir" "$dir/segments" "$aside/.segments" read_headers
    awk '{ printf "%s %.4f\n", $1, $4 - $3 }' "$aside/.segments" >"$durations"
elif [ -f "$dir/utt2num_samples" ]; then
    source=utt2num_samples
    from_samples >"$durations"
elif [ -f "$dir/wav.scp" ]; then
    source="the audio of wav.scp"
    options=(${pipes[@]+"${pipes[@]}"})
    ! $read_entire_file || options+=(--read_entire_file)
    ! $permissive || options+=(--permissive)
    read_headers "$dir/wav.scp" "$durations" ${options[@]+"${options[@]}"}
elif [ -f "$dir/utt2num_frames" ]; then
    source=utt2num_frames
    [ ! -f "$dir/frame_shift" ] || read -r frame_shift <"$dir/frame_shift" || true
    [[ $frame_shift =~ ^[0-9]*[.]?[0-9]+$ ]] || die "frame shift '$frame_shift': must be a number of seconds such as 0.01"
    awk -v shift="$frame_shift" '{ printf "%s %.4f\n", $1, $2 * shift }' "$dir/utt2num_frames" >"$durations"
else
    die "$dir: has no segments, utt2num_samples, wav.scp or utt2num_frames to take durations from"
fi

wrong=$(awk '!($2 > 0) { print $1 " would last " $2 " s"; exit }' "$durations")
[ -z "$wrong" ] || die "$dir: according to $source, $wrong; fix it"
# Report lost utterances.
missing=$("$utils/filter_scp.pl" --exclude "$durations" "$dir/utt2spk" | column 1 /dev/stdin)
if [ -n "$missing" ]; then
    lost="$(wc -l <<<"$missing") utterances have no duration in $source, e.g. ${missing%%$'\n'*}"
    $permissive || die "$dir: $lost; utils/fix_data_dir.sh drops them"
    warn "$dir: $lost; utils/fix_data_dir.sh drops them"
fi
[ -s "$durations" ] || die "$dir: no utterance has a duration"
put_in_place "$dir"
awk -v what="${0##*/}: $dir/utt2dur" -v source="$source" '
    { sum += $2 } END { printf "%s: %d durations, %.2f h, from %s\n", what, NR, sum / 3600, source }' "$dir/utt2dur"
