#!/usr/bin/env bash
# Target speaker extraction, from a corpus to a table of SI-SDR. Called by the recipes' run.sh with their sets and configs.
# shellcheck disable=SC1091,SC2034,SC2154,SC2317
set -euo pipefail

task=tse
task_name="Target speaker extraction: what one enrolled speaker says in a mixture."
task_help=$(cat <<'EOF'
  --enroll_from               set of the enrolments (default: the set that the mixtures are made of)
  --enroll_lengths "1 2 4"    also extract with the first so many seconds of the enrolments alone (none)
  --simulate_enroll_config    planner config conf/simulate_<condition>.yaml; makes <set>_<condition> of the test sets, of planned
                              ones of the sets that their enrolments are from (of --enroll_from if given): also extract with these enrolments (none)
  --simulate_train_enroll_config            the same of the training set, <train_set>_enroll, for a training that enrols with it:
                              --tse_args "--data.init_args.enroll_from [train_enroll]" (none)
  --sv_exp                    experiment of the SV recipe (or its packed.zip): cosine between output and enrolment; and the
                              speaker encoder of a network that reads embeddings of enrolments (none)
  --extractor_config          without --sv_exp: the config of an encoder that needs no training, such as that of GE2E (none)
  --absent                    also enrol speakers who are not in the mixture: how much comes out? (true)
  --real_sets "test_real"     sets of real recordings in data/, without targets (wav.scp, enroll_spk1.scp, perhaps rttm): extract
                              from them, and score without reference (none)
  --real_metrics              of score_audio that need no reference, and similarity: the cosine by --sv_exp, else by GE2E (auto:
                              similarity; of sets with rttm timing_f1 timing_precision timing_recall; at 16 kHz dnsmos_sig
                              dnsmos_bak dnsmos_ovrl); they need tools/install.sh --extras "pretrained vad dnsmos"
EOF
)
output_name=extracted
fs=8000
config=conf/train_sefpnet.yaml
metrics="si_sdr sdr pesq_nb stoi estoi tsos"
breakdown=auto
enroll_from=
enroll_lengths=
simulate_enroll_config=
simulate_train_enroll_config=
absent=true
sv_exp=
real_sets=
real_metrics=auto
extractor_config=
embedded=
train_streams="wav spk1"
stage_4="embeddings of enrolments       "

check_task_options() {
    check_words '[0-9]*[1-9][0-9]*[.]?[0-9]*|[0-9]*[.][0-9]*[1-9][0-9]*' 'number above 0' enroll_lengths
    [ -z "${sv_exp}" ] || check_verifier "${sv_exp}"
    check_real
    name_extractor
    local name set sets
    for name in extractor_config simulate_enroll_config simulate_train_enroll_config; do
        [ -z "${!name}" ] || [ -f "${!name}" ] || die "--${name} ${!name}: no such file"
    done
    if [ "${stage}" -gt 1 ]; then
        [ -z "${enroll_from}" ] || [ -d "data/${enroll_from}" ] || [ -d "${dumpdir}/raw/${enroll_from}" ] ||
            die "--enroll_from ${enroll_from}: no such set; there are: $(find data -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | LC_ALL=C sort | paste -s -d ' ')"
    fi
    if [ "${stage}" -gt 3 ] && [ -n "${simulate_enroll_config}" ] && { runs_stage 7 || runs_stage 8; }; then
        sets=$(enrolling) || exit 1
        for set in ${sets}; do
            set=${dumpdir}/raw/${set}_$(condition_of "${simulate_enroll_config}")
            [ -d "${set}" ] || die "--simulate_enroll_config ${simulate_enroll_config}: ${set} not found; stage 3 makes it (--stage 3)"
        done
    fi
    plan_train_opts="--enroll draw" plan_test_opts="--enroll fixed"
    if [ -n "${enroll_from}" ]; then
        plan_train_opts+=" --enroll_from ${dumpdir}/raw/${enroll_from}"
        plan_test_opts+=" --enroll_from ${dumpdir}/raw/${enroll_from}"
    fi
}

enrolment_sets() { # enrolment_sets SET_DIR: the sets that a planned one has its enrolments from
    "${python}" -m toolkit.bin.enrolment_dirs "$1" | sed 's|.*/||' | paste -s -d ' '
}

enrolling() { # the sets that --simulate_enroll_config is for
    local sets set
    sets=$(of_kind recorded "${enroll_from:-${test_sets}}")
    if [ -z "${enroll_from}" ]; then
        for set in $(of_kind planned "${test_sets}") ${planned_test_sets}; do sets+=" $(enrolment_sets "data/${set}")"; done
        sets=$(tr ' ' '\n' <<<"${sets}" | awk 'NF && !seen[$1]++')
    fi
    [ -n "${sets}" ] || die "--simulate_enroll_config ${simulate_enroll_config}: name the set of the enrolments by --enroll_from"
    echo "${sets}"
}

simulate_more() { # stage 3, before the mixtures
    local set
    if [ -n "${simulate_train_enroll_config}" ]; then
        plan "${simulate_train_enroll_config}" "${train_set}" "${train_set}_enroll"
        more+=" ${train_set}_enroll"
    fi
    [ -n "${simulate_enroll_config}" ] || return 0
    for set in $(enrolling); do
        plan "${simulate_enroll_config}" "${set}" "${set}_$(condition_of "${simulate_enroll_config}")"
        more+=" ${set}_$(condition_of "${simulate_enroll_config}")"
    done
}

add_embeddings() { # add_embeddings REMEDY: what stage 4 makes, to the options of training, where the network reads embeddings
    if [ -z "${sv_exp}${extractor_config}" ] || [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 4 ]; then return 0; fi
    # shellcheck disable=SC2086
    later "$1" train tse --config "${config}" ${train_args} --init_from null --check # weights may hold the encoder's
    run_checks
    [[ " $(sed -n 's/^streams: //p' <<<"${said}") " == *" embedding "* ]] || return 0
    check_extractor valid.eer.ave.pth
    run_checks
    make_extractor
    embedded=${dumpdir}/embed/${extractor}
    train_args+=" --data.init_args.embeddings ${embedded}"
    if [ -n "${sv_exp}" ] || [ -f "${raw_exp}/config.yaml" ]; then # of the size of its embeddings; in use it makes them
        train_args+=" --model.init_args.embedding_dim null --model.init_args.speaker_encoder toolkit.systems.TrainedEmbedder"
        train_args+=" --model.init_args.speaker_encoder.init_args.system ${system}"
    fi
}

make_features() { # embeddings of all utterances that may enrol in training
    local sets
    if [ -z "${embedded}" ]; then
        log "none: the network reads audio"
        return
    fi
    sets=$(enrolment_sets "${dumpdir}/raw/${train_sim}")
    embed_sets "${system}" valid.eer.ave.pth "${dumpdir}/raw" "${embedded}" \
        "${sets:-${train_sim}}${simulate_train_enroll_config:+ ${train_set}_enroll}" "${trusted[@]}"
}

can_be_absent() { # does every mixture leave a target of its set out, who can be enrolled instead?
    local set talkers speakers
    for set in ${all_tests}; do
        if "${dry_run}" && [ ! -d "${dumpdir}/raw/${set}" ]; then continue; fi
        talkers=$(find "${dumpdir}/raw/${set}" -maxdepth 1 -name 'spk[0-9]*.scp' | wc -l)
        speakers=$(cut -d ' ' -f 2 "${dumpdir}/raw/${set}/utt2spk" | sort -u | wc -l)
        if [ "${speakers}" -le "${talkers}" ]; then
            log "--absent is left out: ${set} has $(counted "${speakers}" speaker) in mixtures of ${talkers}"
            return 1
        fi
    done
}

infer_all() {
    local seconds set sets=''
    infer extracted
    if [ -n "${simulate_enroll_config}" ]; then
        for set in $(enrolling); do sets+=" ${dumpdir}/raw/${set}_$(condition_of "${simulate_enroll_config}")"; done
        # shellcheck disable=SC2086
        drawn_from=${sets} infer "extracted_$(condition_of "${simulate_enroll_config}")" --enroll_from ${sets}
    fi
    for seconds in ${enroll_lengths}; do infer "extracted_enroll${seconds}s" --enroll_seconds "${seconds}"; done
    if "${absent}" && can_be_absent; then infer extracted_absent --absent; fi
    infer_real
}

measure_all() {
    local seconds
    # shellcheck disable=SC2086
    measure extracted "${metrics}" ${sv_exp:+--sv_exp ${sv_exp} "${trusted[@]}"}
    [ -z "${simulate_enroll_config}" ] || measure "extracted_$(condition_of "${simulate_enroll_config}")" "${metrics}"
    for seconds in ${enroll_lengths}; do measure "extracted_enroll${seconds}s" si_sdr; done
    if "${absent}" && can_be_absent; then measure extracted_absent residual_energy --absent; fi
    measure_real
}

. "$(dirname "$(readlink -f "$0")")/../real_recordings.sh"
. "$(dirname "$(readlink -f "$0")")/../signal.sh"
