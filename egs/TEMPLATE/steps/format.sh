#!/usr/bin/env bash
# Recordings of data dirs, resampled, cut and checked, to FLAC in arks.
set -euo pipefail
help_message="Usage: steps/format.sh [options] <data> <dump/raw> <set>...
e.g.: steps/format.sh --fs 16000 --nj 8 data dump/raw train dev test
  --fs 16000           rate in Hz
  --channel            channel to keep of recordings with several (default: refuse them)
  --min_seconds, --max_seconds              shorter and longer ids are bad
  --trim_zeros false   without leading and trailing zeros
  --resampler, --bits  soxr or polyphase (soxr), 16 or 24 (16)
  --allow_bad 0        number of bad ids of a set that may be left out"
fs=16000 channel='' min_seconds='' max_seconds='' trim_zeros=false resampler='' bits='' allow_bad=0 least=3
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

words=(--fs "${fs}" --allow_bad "${allow_bad}")
[ -z "${channel}" ] || words+=(--channel "${channel}")
! "${trim_zeros}" || words+=(--trim_zeros)
[ -z "${resampler}" ] || words+=(--resampler "${resampler}")
[ -z "${bits}" ] || words+=(--bits "${bits}")
[ -z "${min_seconds}" ] || words+=(--min_seconds "${min_seconds}")
[ -z "${max_seconds}" ] || words+=(--max_seconds "${max_seconds}")
stage sets --name format --cmd "${cmd}" --nj "${nj}" --in_root "$1" --out_root "$2" --sets "${@:3}" \
    --stems wav enroll_spk1 --allow_bad "${allow_bad}" -- "${python}" -m toolkit.bin.format_audio "${words[@]}" "${options[@]}"
