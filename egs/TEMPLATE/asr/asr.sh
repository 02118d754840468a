#!/usr/bin/env bash
# Speech recognition, from a corpus to a table of error rates. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2016,SC2034,SC2046,SC2086,SC2119,SC2154  # what it sources lies beside the file that this link leads to
set -euo pipefail
template=$(dirname "$(readlink -f "$0")")/..
steps=${template}/steps task=asr

. "${template}/lib/run.sh"
. "${template}/lib/options.sh"
. "${template}/lib/data.sh"
. "${template}/lib/systems.sh"
. "${template}/lib/mixtures.sh"
. "${template}/asr/checks.sh"
help_message="Usage: ./run.sh [options]     (asr.sh --train_set <set> --valid_sets \"<sets>\" --test_sets \"<sets>\" [options])

Speech recognition: the words in a recording. Every set has transcripts (text).
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 transcription of every test set
  3 simulation of noisy sets            8 scoring: WER, CER, intervals over speakers
  4 units of text, by sentencepiece     9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model

${general_help}
${mixtures_help}
                              beside the test sets as they are
Training and evaluation
  --token_type bpe|char       units: pieces of words, or characters (bpe)
  --nbpe 500                  number of BPE units
  --asr_config                training config (conf/train_conformer.yaml)
  --asr_args \"--trainer.epochs 3\"           more options of train asr
  --asr_tag                   name of the experiment: exp/asr_<tag> (default: from config, units and args)
  --inference_model           weights to transcribe with (valid.cer.ave.pth)
  --inference_args \"--beam 20\"              more options of transcribe_audio: --method, --beam, --ctc_weight
  --inference_tag             name of another search: exp/asr_<tag>/scores_<inference_tag>, a row beside the first (none)
${results_help}"

token_type=bpe nbpe=500 asr_config=conf/train_conformer.yaml asr_args='' asr_tag=''
inference_model=valid.cer.ave.pth inference_args='' inference_tag=''

start_run "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
check_asr_options
name_asr
log "${command_line}"
start_guard
start_dry_run

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_inference_model "${exp}" cer
check_weights
check_asr_configs
hold_outputs "${exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in ${speech_sets}; do validate_text "${set}"; done
fi

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_all "${speech_sets}"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    plan_mixtures "" "" ""
    render_noisy
fi

if runs_stage 4 && say_stage 4 "units -> ${units}"; then
    "${steps}/units.sh" "${plain_step[@]}" ${nbpe:+--size "${nbpe}"} --check "$(printf "${dumpdir}/raw/%s " ${valid_sets} ${test_sets})" \
        "${token_type}" "${dumpdir}/raw/${train_set}" "${units}"
fi
name_units

if runs_stage 5 && say_stage 5 "statistics -> ${stats}"; then
    "${steps}/stats.sh" "${data_step[@]}" --opts "${train_args}" --deps "$(marks_of_sounds) ${train_deps}" \
        asr "${asr_config}" "${dumpdir}/raw/${train_sim}" "${stats}"
fi
data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train asr "${dumpdir}/raw/${train_sim}" "${exp}" $(printf "${dumpdir}/raw/%s " ${all_valid})
fi

if runs_stage 7 && say_stage 7 "transcripts of ${all_tests} -> ${exp}/transcripts${search}"; then
    "${steps}/infer.sh" "${decode_step[@]}" --weights "${inference_model}" --opts "--trust ${inference_args}" \
        asr "${exp}" "${dumpdir}/raw" "${exp}/transcripts${search}" ${all_tests}
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores${search}"; then
    warn_of_known_speakers --expdir "${exp}" "${all_tests}"
    "${steps}/score_text.sh" "${plain_step[@]}" --resamples "${resamples}" \
        "${dumpdir}/raw" "${exp}/transcripts${search}" "${exp}/scores${search}" ${all_tests}
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then
    others=$(compgen -G "${expdir}/asr_*/results.json" | LC_ALL=C sort || true)
    "${steps}/report.sh" "${plain_step[@]}" --results "${results}" --tables '/^## /,${/^## Every/q;p}' \
        --opts "${ood_noises:+--ood ${ood_noises}}" "${exp}" $(others_of "${exp}" ${others})
fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then
    "${steps}/pack.sh" "${plain_step[@]}" --weights "${inference_model}" "${exp}"
fi
log "finished"
exit 0
}
