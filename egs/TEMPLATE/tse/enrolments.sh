# What only tse.sh does: enrolments, in noise, cut, embedded, or of absent speakers. Sourced by tse.sh.
# shellcheck shell=bash disable=SC2034,SC2046,SC2086,SC2154

enrolments_help=$(cat <<'EOF'
  --enroll_from               set of the enrolments (default: the set that the mixtures are made of)
  --enroll_lengths "1 2 4"    lengths in s: also extract with the beginning of the enrolments alone (none)
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

check_tse_options() {
    local set known
    check_positive enroll_lengths "${enroll_lengths}"
    [ -z "${sv_exp}" ] || check_verifier "${sv_exp}"
    check_real
    name_extractor
    check_files extractor_config "${extractor_config}" simulate_enroll_config "${simulate_enroll_config}" \
        simulate_train_enroll_config "${simulate_train_enroll_config}"
    if [ "${stage}" -gt 1 ] && [ -n "${enroll_from}" ] && [ ! -d "data/${enroll_from}" ] && [ ! -d "${dumpdir}/raw/${enroll_from}" ]; then
        known=$(find data -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null | LC_ALL=C sort | paste -s -d ' ')
        die "--enroll_from ${enroll_from}: no such set; there are: ${known}"
    fi
    condition=$([ -z "${simulate_enroll_config}" ] || condition_of "${simulate_enroll_config}")
    if [ "${stage}" -gt 3 ] && [ -n "${condition}" ] && { runs_stage 7 || runs_stage 8; }; then
        known=$(enrolling) || exit 1
        for set in ${known}; do
            [ -d "${dumpdir}/raw/${set}_${condition}" ] ||
                die "--simulate_enroll_config ${simulate_enroll_config}: ${dumpdir}/raw/${set}_${condition} not found;" \
                    "stage 3 makes it (--stage 3)"
        done
    fi
    from_set=${enroll_from:+--enroll_from ${dumpdir}/raw/${enroll_from}} embedded='' noisy_enrolments=''
}

enrolment_sets() { # enrolment_sets SET_DIR: the sets that a planned one has its enrolments from
    "${python}" -m toolkit.bin.enrolment_dirs "$1" | sed 's|.*/||' | paste -s -d ' '
}

enrolling() { # the sets that --simulate_enroll_config is for
    local sets set
    sets=$(recorded "${enroll_from:-${test_sets}}")
    if [ -z "${enroll_from}" ]; then
        for set in $(planned "${test_sets}") ${planned_test_sets}; do sets+=" $(enrolment_sets "data/${set}")"; done
        sets=$(tr ' ' '\n' <<<"${sets}" | awk 'NF && !seen[$1]++')
    fi
    [ -n "${sets}" ] || die "--simulate_enroll_config ${simulate_enroll_config}: name the set of the enrolments by --enroll_from"
    echo "${sets}"
}

plan_enrolments() {
    local set
    if [ -n "${simulate_train_enroll_config}" ]; then
        plan "${simulate_train_enroll_config}" "${train_set}" "${train_set}_enroll"
        noisy_enrolments+=" ${train_set}_enroll"
    fi
    [ -n "${condition}" ] || return 0
    for set in $(enrolling); do
        plan "${simulate_enroll_config}" "${set}" "${set}_${condition}"
        noisy_enrolments+=" ${set}_${condition}"
    done
}

add_embeddings() { # what stage 4 makes, to the options of training, where the network reads embeddings
    if [ -z "${sv_exp}${extractor_config}" ] || [ "${stage}" -gt 6 ] || [ "${stop_stage}" -lt 4 ]; then return 0; fi
    later "fix ${tse_config}${train_args:+, or --tse_args \"${train_args}\"}" \
        train tse --config "${tse_config}" ${train_args} --init_from null --check # weights may hold the encoder's
    run_checks "${exp}.encoder"
    [[ " $(answer_of streams) " == *" embedding "* ]] || return 0
    check_extractor valid.eer.ave.pth
    run_checks "${exp}.extractor"
    make_extractor
    embedded=${dumpdir}/embed/${extractor}
    train_args+=" --data.init_args.embeddings ${embedded}"
    if [ -n "${sv_exp}" ] || [ -f "${raw_exp}/config.yaml" ]; then # of the size of its embeddings; in use it makes them
        train_args+=" --model.init_args.embedding_dim null --model.init_args.speaker_encoder toolkit.systems.TrainedEmbedder"
        train_args+=" --model.init_args.speaker_encoder.init_args.system ${system}"
    fi
}

embed_enrolments() { # embeddings of all utterances that may enrol in training
    local sets
    sets=$(enrolment_sets "${dumpdir}/raw/${train_sim}")
    "${steps}/embed.sh" "${decode_step[@]}" --opts "${trusted[*]}" "${system}" "${dumpdir}/raw" "${embedded}" \
        ${sets:-${train_sim}} ${simulate_train_enroll_config:+${train_set}_enroll}
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
    local seconds sets
    infer extracted "${all_tests}" ""
    if [ -n "${condition}" ]; then
        sets=$(printf "${dumpdir}/raw/%s_${condition} " $(enrolling))
        infer "extracted_${condition}" "${all_tests}" "--enroll_from ${sets}" "${sets}"
    fi
    for seconds in ${enroll_lengths}; do infer "extracted_enroll${seconds}s" "${all_tests}" "--enroll_seconds ${seconds}"; done
    if "${absent}" && can_be_absent; then infer extracted_absent "${all_tests}" "--absent"; fi
}

measure_all() {
    local seconds
    measure extracted "${all_tests}" "${metrics}" "${sv_exp:+--sv_exp ${sv_exp} ${trusted[*]}}" \
        "$([ -z "${sv_exp}" ] || files_of "${sv_exp}" valid.eer.ave.pth)"
    [ -z "${condition}" ] || measure "extracted_${condition}" "${all_tests}" "${metrics}"
    for seconds in ${enroll_lengths}; do measure "extracted_enroll${seconds}s" "${all_tests}" si_sdr; done
    if "${absent}" && can_be_absent; then measure extracted_absent "${all_tests}" residual_energy --absent; fi
}
