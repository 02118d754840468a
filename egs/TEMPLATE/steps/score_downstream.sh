#!/usr/bin/env bash
# What a system makes of audio: word errors of a recogniser, error rates of a verifier, accuracies of an intent classifier.
set -euo pipefail
help_message="Usage: steps/score_downstream.sh [options] <kind> <system> <dump/raw> <audio> <output> <set>...
e.g.: steps/score_downstream.sh asr ../asr/exp/asr_x dump/raw exp/se_x/enhanced exp/se_x/downstream/asr_x/enhanced test
      steps/score_downstream.sh asr whisper:medium dump/raw clean exp/downstream/whisper_medium/clean test
<kind> is asr, sv or ic; <system> is the folder of an experiment, a packed.zip, whisper:<model or file> or pocketsphinx;
<audio> has the sets (clean: the stream spk1 of those in <dump/raw>, each recording once). <output> gets what the system
makes of the sets, and scores/<set>, against text, trials or utt2intent of <dump/raw>/<set>.
  --resamples 1000     bootstrap resamples
  --trust false        build classes from outside the toolkit"
resamples=1000 trust=false least=6
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"

kind=$1 system=$2 raw=$3 audio=$4 out=$5 sets=("${@:6}") heard=("${@:6}")
step=(--cmd "${cmd}" --nj "${nj}" --gpu "${gpu}" --dry_run "${dry_run}" --python "${python}")
scoring=(--dry_run "${dry_run}" --python "${python}")
trusted=$(! "${trust}" || echo --trust)
declare -A tables=([asr]=text [ic]=utt2intent [sv]=embedding.scp)
table=${tables[${kind}]:-}
[ -n "${table}" ] || die "${kind}: must be asr, sv or ic"

if [ "${audio}" = clean ]; then
    audio=$(dirname "$(dirname "${out}")")/clean_audio heard=(distinct)
    distinct_audio "${raw}" "${audio}" "${sets[@]}"
fi
labels=${out}/labels
case ${kind}:${system} in
    sv:*) "${steps}/embed.sh" "${step[@]}" --opts "${trusted}" "${system}" "${audio}" "${labels}" "${heard[@]}" ;;
    asr:whisper:* | asr:pocketsphinx)
        stage sets --name downstream --cmd "${engine}" --nj "${nj}" --in_root "${audio}" --out_root "${labels}" \
            --sets "${heard[@]}" --deps $([ ! -f "${system#whisper:}" ] || echo "${system#whisper:}") -- \
            "${python}" -m toolkit.bin.downstream --model "${system}" --device "${device}" "${options[@]}" ;;
    *) "${steps}/infer.sh" "${step[@]}" --opts "${trusted} ${opts}" "${kind}" "${system}" "${audio}" "${labels}" "${heard[@]}" ;;
esac
[ "${heard[0]}" != distinct ] || spread "${labels}" "${audio}" "${table}" "${sets[@]}"

if [ "${kind}" = sv ]; then
    "${steps}/score_trials.sh" "${step[@]}" --logs "${out}/logs" --opts "--resamples ${resamples}" \
        "${raw}" "${labels}" "${out}/scores" "${sets[@]}"
else
    normalize=$([ "${kind}" = ic ] || { [[ "${system}" = whisper:* ]] && echo "--normalize english" || echo "--normalize words"; })
    "${steps}/score_labels.sh" "${scoring[@]}" --resamples "${resamples}" --opts "${normalize}" \
        "${kind}" "${raw}" "${labels}" "${out}/scores" "${sets[@]}"
fi
