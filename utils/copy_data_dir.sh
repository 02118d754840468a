#!/usr/bin/env bash
# Copies a data dir, optionally with new ids for utterances and speakers.

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--utt-prefix p] [--utt-suffix s] [--spk-prefix p] [--spk-suffix s]
           [--extra-files \"f1 f2\"] [--validate-opts \"--non-print\"] <src-dir> <dest-dir>
 e.g.: $0 --utt-prefix sp0.9- --spk-prefix sp0.9- data/train data/train_sp0.9

Give speakers the prefix that utterances get, or utt2spk is no longer sorted by speaker. Recordings keep their ids where
there is a segments file. Values are copied as they are, but for *UTT SPEAKER in enroll_spk<N>.scp, which refers to this
dir; of a plan (mix.jsonl) the ids are renamed too, not those of its recordings.
The extra files are further tables keyed by utterance. validate_data_dir.sh checks the result; it gets the --validate-opts
(and --no-wav, --no-text, --no-feats where the source has no such file)."

utt_prefix=""
utt_suffix=""
spk_prefix=""
spk_suffix=""
extra_files=""
validate_opts=""
# shellcheck source=utils/parse_options.sh
. "$(dirname "$0")/parse_options.sh"
# shellcheck source=utils/data_dir_lib.sh
. "$(dirname "$0")/data_dir_lib.sh"
utils=$(dirname "$0")
[ $# -eq 2 ] || usage_exit 1
src=${1%/}
dest=${2%/}
need_source "$src" "$dest"
extra_utt_files=$extra_files

affixes=("$utt_prefix" "$utt_suffix" "$spk_prefix" "$spk_suffix")

make_aside "$dest"
rename_speakers "${affixes[@]}" <"$src/utt2spk" >"$aside/utt2spk"
"$utils/utt2spk_to_spk2utt.pl" "$aside/utt2spk" >"$aside/spk2utt"
for name in $(tables_of "$src" utt) $(files_like "$src" segments); do
    if [[ $name =~ ^($ENROLMENTS)$ ]]; then rename_enrolments "${affixes[@]}"; else cat; fi <"$src/$name" |
        rename_keys "$utt_prefix" "$utt_suffix" >"$aside/$name"
done
for name in $(files_like "$src" "$PLAN"); do
    plan_table "$src/$name" "${affixes[@]}" | plan_lines >"$aside/$name"
done
for name in $(tables_of "$src" spk); do
    rename_keys "$spk_prefix" "$spk_suffix" <"$src/$name" >"$aside/$name"
done
for name in $(tables_of "$src" reco); do
    cp "$src/$name" "$aside/$name"
done
copy_whole_files "$src"
for name in wav.scp text feats.scp; do
    [ -f "$src/$name" ] || validate_opts+=" --no-${name%.scp}"
done
read -r -a opts <<<"$validate_opts"
place_valid "$src" "$dest" --no-wav-check ${opts[@]+"${opts[@]}"}
