#!/usr/bin/env bash
# Target speaker extraction on Libri2Mix: sets and configs. Options of this recipe, then those of all: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

condition=mix_clean  # mix_clean: two talkers; mix_both: two talkers and noise; mix_single: one talker and noise
mode=min             # min: cut to the shorter talker; max: padded to the longer
fs=8000              # or 16000
subset="train-100"   # or train-360
both_targets=false   # true: each mixture of train, dev and test twice, once per target talker
dumpdir='' expdir='' local_data_opts='' rest=()
while [ $# -gt 0 ]; do
    name=${1#--}
    case --${name//-/_} in
        --condition | --mode | --fs | --subset | --both_targets | --dumpdir | --expdir | --local_data_opts)
            [ $# -ge 2 ] || { echo "error: option $1 needs a value" >&2; exit 1; }
            printf -v "${name//-/_}" %s "$2"
            shift 2
            ;;
        --help)
            sed -n '/^condition=/,/^both_targets=/{s/^/  --/; s/=/ /p}' run.sh
            rest+=("$1")
            shift
            ;;
        *)
            rest+=("${@:1:2}") # an option and its value
            shift $(($# < 2 ? $# : 2))
            ;;
    esac
done
check() { # check OPTION PATTERN
    [[ "${!1}" =~ ^($2)$ ]] || { echo "error: --$1 ${!1}: must be $2" >&2; exit 1; }
}
check condition 'mix_clean|mix_both|mix_single'
check mode 'min|max'
check fs '8000|16000'
check subset 'train-100|train-360'
check both_targets 'true|false'

khz=$((fs / 1000))k
kind=${condition}
[ "${mode}" = min ] || kind+=_max
! "${both_targets}" || kind+=_x2
train=${subset/train-100/train}_${kind}
sources="librispeech_${subset} librispeech_dev librispeech_test"
[ "${condition}" = mix_clean ] || sources+=" wham_${subset} wham_dev wham_test"
options="--mode ${mode} --conditions ${condition} --subset ${subset}"
! "${both_targets}" || options+=" --both_targets train dev test"
streams="wav spk1" # of training mixtures; also enrolments, if there is a list of them
[[ "${local_data_opts}" != *" train="* ]] || streams+=" enroll_spk1"

exec ./tse.sh \
    --fs "${fs}" --train_set "${train}" --valid_sets "dev_${kind}" --test_sets "test_${kind}" \
    --source_sets "${sources}" --channel 0 \
    --train_streams "${streams}" --dumpdir "${dumpdir:-dump/${khz}}" --expdir "${expdir:-exp/${khz}_${train}}" \
    --local_data_opts "${options} ${local_data_opts}" \
    --tse_config conf/train_sefpnet.yaml \
    "${rest[@]}"
