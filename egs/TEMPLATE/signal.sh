# Stages of the tasks that make a signal of a mixture: sourced by se.sh (enhancement) and tse.sh (extraction), which set
# task, what it does, and the help and the defaults of what only they have.
# shellcheck shell=bash disable=SC1091,SC2034,SC2154,SC2317

. ./recipe.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/measuring.sh"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/verification.sh"
help_message=$(cat <<EOF
Usage: ./run.sh [options]     (${task}.sh --train_set <set> --valid_sets "<sets>" --test_sets "<sets>" [options])

${task_name}
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 inference: audio of every test mixture
  3 simulation of mixtures              8 scoring: metrics with intervals over speakers
  4 ${stage_4}      9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model

${general_help}
Data: a set is recordings (wav.scp), or mixtures that local/data.sh has planned (mix.jsonl)
  --train_set, --valid_sets, --test_sets    names of sets in data/
  --extra_sets "noise_train ..."            sets that mixtures draw on: noises, talkers
  --source_sets "librispeech_test ..."      recordings of which local/data.sh has planned mixtures: formatted as published
                              mixtures are (untrimmed, resampled by resample_poly, 24 bits)
  --planned_test_sets "test_libri2mix"      test sets beside --test_sets, which local/data.sh has planned
  --room_sets "rirs_train ..."              impulse responses
  --local_data_opts "..."                   options of local/data.sh
  --fs                                      rate in Hz (${fs})
  --channel                                 channel to keep of recordings with several (default: refuse them)
  --min_wav_duration, --max_wav_duration    in seconds (0.1, 300)
  --format_opts "..."                       more options of format_audio, e.g. --resampler polyphase
  --allow_bad 0                             leave out up to so many bad utterances of a set instead of stopping
Simulation
  --simulate_train_config     planner config; makes <train_set>_sim on disk, which is trained on (default none: mixtures are
                              made on the fly as the training config says)
  --train_copies              mixtures of each training utterance (1)
  --simulate_valid_config     planner config; makes <valid>_sim of each valid set, which ranks the models
  --simulate_test_configs     planner configs conf/simulate_<condition>.yaml; each makes <test>_<condition> of each test set
  --simulate_grid_config      planner config with noises for a grid: <test>_<noise>_<snr> of each of
  --test_noises, --ood_noises, --snrs       kinds of noise, those out of domain, SNRs in dB
Training and evaluation
  --${task}_config            training config (${config})
  --${task}_args "--trainer.epochs 3"       more options of train ${task}
  --${task}_tag               name of the experiment: exp/${task}_<tag> (default: from config and args)
  --inference_model           weights to infer with (valid.loss.ave.pth)
${task_help}
  --metrics                   of score_audio, all that the tables are to have (${metrics});
                              dnsmos_sig dnsmos_bak dnsmos_ovrl need tools/install.sh --extras dnsmos
  --breakdown                 groups: tables utt2<x> and spk2<x> of the test sets, gender, gender_pair, duration (${breakdown}; auto: gender_pair where the
                              genders of the talkers are known)
  --resamples                 bootstrap resamples (1000)
  --results                   table over all experiments (exp/RESULTS.md); RESULTS.md: that of the recipe itself, to publish,
                              and results.json, of which report --from makes it anew
EOF
)

planned_test_sets=
simulate_train_config=
simulate_valid_config=
simulate_test_configs=
simulate_grid_config=
declare "${task}_config=${config}" "${task}_args=" "${task}_tag="
inference_model=valid.loss.ave.pth

condition_of() { basename "$1" .yaml | sed 's/^simulate_//'; }

# experiment_tag MIDDLE: --<task>_tag, else from config, MIDDLE and options of the training.
experiment_tag() {
    local made
    made=$(basename "${config}" .yaml)$1
    [ -z "${train_args}" ] || made+=_$(printf %s "${train_args#--}" | tr -sc 'A-Za-z0-9' '_')
    echo "${tag:-${made}}"
}

is_planned() { [ -f "data/$1/mix.jsonl" ] && [ ! -f "data/$1/wav.scp" ]; }

# of_kind recorded|planned SETS: those of the sets that are recordings, or plans of local/data.sh.
of_kind() {
    local set
    for set in $2; do
        if is_planned "${set}"; then
            [ "$1" != planned ] || printf ' %s' "${set}"
        else
            [ "$1" != recorded ] || printf ' %s' "${set}"
        fi
    done
}

command_line="$0$(printf ' %q' "$@")"
mark_run "$0" "$@"
. utils/parse_options.sh
. ./path.sh
. ./cmd.sh
check_options "$@"
config=${task}_config config=${!config}
train_args=${task}_args train_args=${!train_args}
tag=${task}_tag tag=${!tag}
for name in "${task}_config" simulate_train_config simulate_valid_config simulate_grid_config; do
    [ -z "${!name}" ] || [ -f "${!name}" ] || die "--${name} ${!name}: no such file"
done
for one in ${simulate_test_configs}; do
    [ -f "${one}" ] || die "--simulate_test_configs ${simulate_test_configs}: ${one}: no such file"
done
check_lists planned_test_sets simulate_test_configs metrics
check_names "${task}_tag"
note_skips
start_guard
check_task_options
log "${command_line}"

# Names that the stages share
train_sim=${train_set}${simulate_train_config:+_sim}
all_valid=
for set in ${valid_sets}; do all_valid+=" ${set}${simulate_valid_config:+_sim}"; done
all_tests=
for set in ${test_sets}; do
    [ -n "${simulate_test_configs}${simulate_grid_config}" ] || all_tests+=" ${set}"
    for one in ${simulate_test_configs}; do all_tests+=" ${set}_$(condition_of "${one}")"; done
    if [ -n "${simulate_grid_config}" ]; then
        for kind in ${test_noises} ${ood_noises}; do
            for snr in ${snrs}; do all_tests+=" ${set}_${kind}_${snr}"; done
        done
    fi
done
for set in ${planned_test_sets}; do all_tests+=" ${set}"; done
as_they_are=${test_sets} # test sets of which no mixtures are made, which have more tables
[ -z "${simulate_test_configs}${simulate_grid_config}" ] || as_they_are=
tag=$(experiment_tag "")
exp=${expdir}/${task}_${tag}
results=${results:-${expdir}/RESULTS.md}

check_configs() { # before any work: every key of every config that the stages asked for will read
    local one rate said
    local remedy="fix ${config}${train_args:+, or --${task}_args \"${train_args}\" (\"--<key> <value> ...\")}; ${python} -m toolkit.bin.train ${task} --help lists the keys"
    if ! runs_stage 6 && { runs_stage 7 || runs_stage 8 || runs_stage 9 || runs_stage 10; }; then check_experiment; fi
    add_embeddings "${remedy}"
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ]; then
        # shellcheck disable=SC2046,SC2086
        later "${remedy}" train "${task}" --config "${config}" $(! runs_stage 6 || training_words "${exp}" "${dumpdir}/raw/${train_sim}" "${all_valid}") ${train_args} --known_sets "$(known_sets)" --check
    fi
    if runs_stage 8; then
        # shellcheck disable=SC2086
        later "--metrics ${metrics}: see above" score_audio --metrics ${metrics} --check
        check_breakdown data "${as_they_are}" auto gender_pair
    fi
    if [ "${stage}" -le 3 ]; then
        for one in ${simulate_train_config} ${simulate_valid_config} ${simulate_test_configs} ${simulate_enroll_config:-} \
            ${simulate_train_enroll_config:-}; do
            plan "${one}" "${train_set}" check --check
        done
        if [ -n "${simulate_grid_config}" ]; then
            plan "${simulate_grid_config}" "${train_set}" check --check --snrs "$(as_list "${snrs}")" \
                --kinds "$(as_list "${test_noises} ${ood_noises}")"
        fi
    fi
    run_checks
    if [ "${stage}" -le 6 ] && [ "${stop_stage}" -ge 5 ]; then
        rate=$(sed -n 's/^fs: //p' <<<"${said}")
        trained=$(sed -n 's/^trained: //p' <<<"${said}")
        [ "${rate}" = "${fs}" ] || die "--fs ${fs}, but the network of ${config} is for ${rate} Hz: give --fs ${rate}, or" \
            "--${task}_args \"--model.init_args.fs ${fs}\" (and frames and hops of as many seconds)"
    fi
}

# check_sets FOLDER SETS: before training, what stage 8 needs of the sets that are there: trials, where an option
# (trials_for) scores them.
check_sets() {
    local set without='' present=''
    runs_stage 7 || runs_stage 8 || return 0
    if [ -z "${trials_for:-}" ] || "${dry_run}"; then return 0; fi
    for set in $2; do
        [ -d "$1/${set}" ] || continue
        if [ -f "$1/${set}/trials" ]; then present+=" ${set}"; else without+=" $1/${set}"; fi
    done
    [ -z "${without}" ] || die "${trials_for}: no trials in${without}; draw them: ${python} -m toolkit.bin.make_trials${without}"
    check_trials "$1" "${present}"
}

check_experiment() { # it is trained
    [ -f "${exp}/config.yaml" ] || no_experiment "${exp}" "${task}"
    [ -e "${exp}/${inference_model}" ] || die "${exp}/${inference_model}: no such weights; train first (stage 6), or choose others (--inference_model)"
}

# infer FOLDER [options]: audio of all test sets into <exp>/FOLDER; drawn_from: other sets that it depends on
infer() {
    local folder=$1 files="${exp}/config.yaml ${exp}/${inference_model}" set
    shift
    for set in ${drawn_from:-}; do files+=" $(compgen -G "${set}/.done.*" || true)"; done
    is_remade "${exp}" || check_experiment
    run_jobs --name infer --cmd "${decode_cmd} --gpu $("${gpu_inference}" && echo 1 || echo 0)" --nj "${inference_nj}" \
        --in_root "${dumpdir}/raw" --out_root "${exp}/${folder}" --sets "${all_tests# }" --deps "${files}" -- \
        "${python}" -m "toolkit.bin.${task}_inference" --model "${exp}" --weights "${inference_model}" --trust \
        --device "$("${gpu_inference}" && echo cuda || echo cpu)" "$@"
}

{ # bash reads a block whole before it runs it, so editing this file does not disturb a run

log "checking configs"
check_inference_model "${exp}" loss
check_configs
say_backend
hold_outputs "${exp}"

if runs_stage 1 && say_stage 1 "data preparation -> data/"; then
    prepare_data
    for set in $(of_kind recorded "${train_set} ${valid_sets} ${test_sets}"); do
        validate "${set}"
    done
    for set in ${real_sets:-}; do validate "${set}" --require-streams enroll_spk1; done
    ! runs_stage 8 || check_breakdown data "${as_they_are}" auto gender_pair
fi
if [ "${stage}" -le 2 ]; then check_sets data "${test_sets}"; fi # noisy copies have those of their set

if runs_stage 2 && say_stage 2 "format -> ${dumpdir}/raw"; then
    format_sources
    format_speech "$(of_kind recorded "${train_set} ${valid_sets} ${test_sets}") ${real_sets:-}"
fi

if runs_stage 3 && say_stage 3 "simulation: data/*/mix.jsonl, ${dumpdir}/raw"; then
    if [ -n "${simulate_train_config}" ]; then
        # shellcheck disable=SC2086
        plan "${simulate_train_config}" "${train_set}" "${train_sim}" --copies "${train_copies}" ${plan_train_opts}
    fi
    run_queue
    if [ -n "${simulate_train_config}" ] || is_planned "${train_set}"; then
        # shellcheck disable=SC2086
        render "${train_sim}" --streams ${train_streams}
    fi
    more='' # what only this task has
    simulate_more
    rendered="$(of_kind planned "${valid_sets} ${test_sets}")${planned_test_sets:+ ${planned_test_sets}}${more}"
    if [ -n "${simulate_valid_config}" ]; then
        for set in ${valid_sets}; do
            # shellcheck disable=SC2086
            plan "${simulate_valid_config}" "${set}" "${set}_sim" ${plan_test_opts}
            rendered+=" ${set}_sim"
        done
    fi
    for set in ${test_sets}; do
        for one in ${simulate_test_configs}; do
            # shellcheck disable=SC2086
            plan "${one}" "${set}" "${set}_$(condition_of "${one}")" ${plan_test_opts}
            rendered+=" ${set}_$(condition_of "${one}")"
        done
        if [ -n "${simulate_grid_config}" ]; then
            # shellcheck disable=SC2086
            plan "${simulate_grid_config}" "${set}" "${set}" --snrs "$(as_list "${snrs}")" \
                --kinds "$(as_list "${test_noises} ${ood_noises}")" ${plan_test_opts}
            for kind in ${test_noises} ${ood_noises}; do
                for snr in ${snrs}; do rendered+=" ${set}_${kind}_${snr}"; done
            done
        fi
    done
    if [ -n "${rendered}" ]; then render "${rendered# }" --streams all; else log "nothing to simulate"; fi
fi

check_sets "${dumpdir}/raw" "${all_tests}"
if runs_stage 8 && ! "${dry_run}"; then check_breakdown "${dumpdir}/raw" "${all_tests}" auto gender_pair; fi

if runs_stage 4 && say_stage 4 "features"; then
    make_features
fi

if runs_stage 5 && say_stage 5 "statistics -> ${expdir}/${task}_stats/${train_sim}"; then
    statistics "${expdir}/${task}_stats/${train_sim}" "${dumpdir}/raw/${train_sim}" "${config}" "${train_args}" "${task}"
fi

data_is_made

if runs_stage 6 && say_stage 6 "training -> ${exp}, log in ${exp}/train.log"; then
    train "${exp}" "${dumpdir}/raw/${train_sim}" "${all_valid}" "${config}" "${train_args}" "${task}"
fi

if runs_stage 7 && say_stage 7 "${output_name} ->${all_tests} in ${exp}/${output_name}"; then
    infer_all
fi

if runs_stage 8 && say_stage 8 "scoring -> ${exp}/scores"; then
    warn_of_known_speakers --expdir "${exp}" "${all_tests} ${real_sets:-}"
    measure_all
fi

if runs_stage 9 && say_stage 9 "report -> ${exp}/RESULTS.md, ${results}"; then
    others=
    for other in $(compgen -G "${expdir}/${task}_*/results.json" | LC_ALL=C sort || true); do
        other=$(dirname "${other}")
        if [ "${other}" != "${exp}" ]; then others+=" ${other}"; fi
    done
    # shellcheck disable=SC2046,SC2086
    act "${python}" -m toolkit.bin.report --task "${task}" --expdir "${exp}" ${others:+--compare ${others}} --data_root "${dumpdir}/raw" \
        --outputs "${output_name}" --recipe_results "${results}" $(kept_beside) ${ood_noises:+--ood ${ood_noises}}
    if ! "${dry_run}"; then
        log "tables: ${exp}/RESULTS.md and ${results}; page: ${exp}/report.html (in ${PWD})"
        sed -n '/^## /,${/^## Every/q;p}' "${results}"
    fi
fi

if runs_stage 10 && say_stage 10 "pack -> ${exp}/packed.zip"; then
    act "${python}" -m toolkit.bin.pack --expdir "${exp}" --weights "${inference_model}" --output "${exp}/packed.zip"
fi
log "finished"
exit 0
}
