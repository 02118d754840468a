#!/usr/bin/env bash
# Metrics of audio, by utterance, and their means with intervals over speakers.
# shellcheck disable=SC1091,SC2034,SC2154
set -euo pipefail
help_message="Usage: steps/score_audio.sh [options] <dump/raw> <audio> <metrics> <scores> <set>...
e.g.: steps/score_audio.sh --metrics \"si_sdr stoi\" dump/raw exp/se_x/enhanced exp/se_x/metrics exp/se_x/scores test
  --metrics            of score_audio; none: what --opts asks for
  --mixtures           folder for the metrics of the mixtures themselves, which all experiments share (none)
  --breakdown auto     groups; auto: gender_pair where the genders of the talkers are known
  --interferers true   compare with the other talkers of a mixture
  --resamples 1000     bootstrap resamples
  --deps \"...\"         further files on which they depend: those of a verifier"
metrics='' mixtures='' breakdown=auto interferers=true resamples=1000 deps='' least=5
. "$(dirname "$(readlink -f "$0")")/../lib/step.sh"
read -ra names <<<"${metrics}"
raw=$1 audio=$2 values=$3 scores=$4
shift 4

interferers_of() { # interferers_of SET: the streams of its other talkers, spk2 ...
    (cd "${raw}/$1" && find . -name 'spk[0-9]*.scp' ! -name spk1.scp | sed 's/^[.]\///; s/[.]scp$//' | sort -V | paste -s -d ' ')
}

# score_group STREAMS SET...: sets whose mixtures have these other talkers
score_group() {
    local set groups=${breakdown} words=() references=() streams=()
    read -ra streams <<<"$1"
    shift
    if [ "${#streams[@]}" -eq 0 ]; then groups=${groups//gender_pair/}; else words=(--interferer "${streams[@]}"); fi # alone, a talker makes no pair
    if [ "${groups}" = auto ]; then
        groups=gender_pair
        for set in "$@"; do [ -f "${raw}/${set}/spk2gender" ] && [ "${#streams[@]}" -gt 0 ] || groups=; done
    fi
    for set in "$@"; do references+=("${raw}/${set}"/.done.*); done
    if [ -n "${mixtures}" ]; then
        stage sets --name score --cmd "${cmd}" --nj "${nj}" --in_root "${raw}" --out_root "${mixtures}" --sets "$@" \
            --deps "${references[@]}" -- "${python}" -m toolkit.bin.score_audio --metrics "${names[*]}" --ref_root "${raw}"
        for set in "$@"; do references+=("${mixtures}/${set}/.done.score"); done
        words=(--input_scores "${mixtures}" "${words[@]}")
    fi
    # shellcheck disable=SC2086
    stage sets --name score --cmd "${cmd}" --nj "${nj}" --in_root "${audio}" --out_root "${values}" --sets "$@" \
        --deps "${references[@]}" ${deps} -- "${python}" -m toolkit.bin.score_audio --metrics "${metrics:-similarity}" \
        --ref_root "${raw}" --input wav "${words[@]}" "${options[@]}"
    summarise "${groups}" "$@"
}

summarise() { # summarise GROUPS SET...
    local groups=() marks=("${@:2}") outputs=("${@:2}")
    read -ra groups <<<"$1"
    shift
    marks=("${marks[@]/#/${values}/}") outputs=("${outputs[@]/#/${scores}/}")
    [ "${#groups[@]}" -eq 0 ] || groups=(--breakdown "${groups[@]}")
    "${dry_run}" || stage once --mark "${scores}/.done.$(sha256sum <<<"$*" | cut -c 1-8)" --what "summary of ${scores}" \
        --deps "${marks[@]/%//.done.score}" --outputs "${outputs[@]}" -- "${python}" -m toolkit.bin.summarise_audio \
        --in_root "${values}" --data_root "${raw}" --out_root "${scores}" --sets "$@" --resamples "${resamples}" "${groups[@]}" ||
        die "no summary of ${values}: see above"
}

if ! "${interferers}"; then
    score_group "" "$@"
    exit 0
fi
if "${dry_run}"; then
    for set in "$@"; do
        if [ ! -d "${raw}/${set}" ] || is_remade "${raw}/${set}"; then
            note "scores of ${audio##*/}: to do, of $*"
            exit 0
        fi
    done
fi
while read -r streams; do
    group=()
    for set in "$@"; do [ "$(interferers_of "${set}")" != "${streams}" ] || group+=("${set}"); done
    score_group "${streams}" "${group[@]}" </dev/null
done < <(for set in "$@"; do interferers_of "${set}"; done | sort -u)
