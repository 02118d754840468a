#!/usr/bin/env bash
# Checks a data dir: every file separately, then the files against each other. Changes nothing.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--no-feats] [--no-text] [--no-wav] [--no-wav-check] [--no-spk-sort]
           [--non-print] [--require-streams \"spk1 noise1 ...\"] <data-dir>
 e.g.: $0 --no-feats data/train
       $0 --no-feats --no-text --require-streams \"spk1 enroll_spk1\" dump/raw/train_sim

Names every file and line or id that breaks the rules of a data dir and exits 1; fix_data_dir.sh fixes most of it.
Files and arks that wav.scp names must be there; what is in them is not looked at, and commands are not run.
  --no-feats, --no-text, --no-wav  feats.scp, text, wav.scp may be missing (what is there is checked all the same)
  --no-wav-check                   what wav.scp names need not be there (yet, or on this machine)
  --no-spk-sort                    utt2spk need not be sorted by speaker as well
  --non-print                      text may have unprintable characters
  --require-streams                streams that a mixture set must have: spk<N>, noise<N>, dereverb<N>, enroll_spk<N>"

utils=$(dirname "$0")
# shellcheck source=utils/data_dir_lib.sh
. "$utils/data_dir_lib.sh"

required=(utt2spk spk2utt wav.scp text feats.scp)
streams=()
wav_check=true
spk_sort=true
non_print=false
while [[ ${1:-} == -* ]]; do
    case $1 in
        --no-feats) required=("${required[@]/feats.scp/}") ;;
        --no-text) required=("${required[@]/text/}") ;;
        --no-wav) required=("${required[@]/wav.scp/}") ;;
        --no-wav-check) wav_check=false ;;
        --no-spk-sort) spk_sort=false ;;
        --non-print) non_print=true ;;
        --require-streams | --require_streams)
            read -r -a streams <<<"${2:-}"
            [[ "${streams[*]-}" =~ ^(((enroll_)?spk|noise|dereverb)[1-9][0-9]*( |$))+$ ]] ||
                die "$1 '${2:-}': expected names of streams: spk1, noise1, dereverb1, enroll_spk1, ..."
            shift
            ;;
        --help) usage_exit 0 ;;
        *) unknown_option "$1" ;;
    esac
    shift
done
[ $# -eq 1 ] || usage_exit 1
dir=${1%/}
[ -d "$dir" ] || die "$dir: no such data dir"

mapfile -t utt < <(tables_of "$dir" utt)
mapfile -t reco < <(tables_of "$dir" reco)
mapfile -t spk < <(tables_of "$dir" spk)
mapfile -t main < <(files_like "$dir" "$MAIN_TABLES")
settings=("dir=$dir" "fix=$utils/fix_data_dir.sh" "wav_check=$wav_check" "spk_sort=$spk_sort" "non_print=$non_print"
    "required=${required[*]}" "streams=${streams[*]-}" "utt=${utt[*]-}" "reco=${reco[*]-}" "spk=${spk[*]-}"
    "tables=${main[*]-} ${utt[*]-} ${reco[*]-} ${spk[*]-}")
code=0
elsewhere=$(drawn_elsewhere "$dir") || code=1
work=
if [ -f "$dir/mix.jsonl" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    plan_table "$dir/mix.jsonl" >"$work/plan" 2>"$work/bad" || true
fi
[ "$code" -eq 0 ] || exec >/dev/null # not valid, whatever the tables are
tables DataDir::validate "${settings[@]}" "elsewhere=$elsewhere" "plan=$work"
exit "$code"
