# Sourced by the task scripts (sv.sh, se.sh, tse.sh): what their stages share.
# shellcheck shell=bash disable=SC2154,SC2034

# This file is a link in the recipe; what belongs to it lies beside the file that it leads to.
# shellcheck source=egs/TEMPLATE/options.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/options.sh"

log() {
    echo "$(date '+%Y-%m-%dT%H:%M:%S') $*"
}

counted() { # counted 3 job: 3 jobs
    echo "$1 $2$([ "$1" -eq 1 ] || echo s)"
}

die() {
    echo "error: ${*#error: }" >&2
    exit 1
}

# check_stages LAST: --stage and --stop_stage are numbers, in order, and name a stage.
check_stages() {
    [[ "${stage} ${stop_stage}" =~ ^[0-9]{1,9}\ [0-9]{1,9}$ ]] || die "--stage ${stage} --stop_stage ${stop_stage}: must be numbers"
    [ "${stage}" -le "${stop_stage}" ] || die "--stage ${stage} comes after --stop_stage ${stop_stage}"
    [ "${stage}" -le "$1" ] || die "--stage ${stage}: there are $1 stages"
}

# check_machines: --ngpu and --num_nodes fit the machine, where jobs run on this one.
check_machines() {
    if [[ "${cuda_cmd}" == *run.pl* ]] && [[ "${ngpu} ${gpu_inference}" != "0 false" ]] && ! nvidia-smi -L >/dev/null 2>&1; then
        die "--ngpu ${ngpu} --gpu_inference ${gpu_inference}: nvidia-smi finds no GPU here; use --ngpu 0 --gpu_inference false"
    fi
    if [ "${num_nodes}" -gt 1 ] && [[ "${cuda_cmd}" == *run.pl* ]]; then
        die "--num_nodes ${num_nodes}: run.pl knows this machine only; cmd.sh can choose another (cmd_backend=slurm ./run.sh ...)"
    fi
}

# note_skips: --skip_data_prep and its kin as stages.
note_skips() {
    if "${skip_data_prep}"; then skip_stages+=" 1 2 3 4 5"; fi
    if "${skip_train}"; then skip_stages+=" 6"; fi
    if "${skip_eval}"; then skip_stages+=" 7 8 9"; fi
    if "${skip_packing}"; then skip_stages+=" 10"; fi
}

# runs_stage N: does stage N run, by --stage, --stop_stage and --skip_stages?
runs_stage() {
    [ "${stage}" -le "$1" ] && [ "${stop_stage}" -ge "$1" ] && ! [[ " ${skip_stages} " == *" $1 "* ]]
}

say_stage() { # say_stage N what
    log "stage $1: $2"
}

# mark_run SCRIPT ARGS...: start the task script anew, with a mark in the environment of all its processes, by which
# guard.pl finds them. A script that is a part of another run has both marks.
mark_run() {
    local marks=${VOXSIFT_RUN:-}
    [[ "${marks##*/}" != "$$."* ]] || return 0
    VOXSIFT_RUN=${marks:+${marks}/}$$.$(date +%s)
    export VOXSIFT_RUN
    exec "${BASH}" "$@"
}

# start_guard: from now on, all that this run starts ends with it.
start_guard() {
    if "${dry_run}"; then return 0; fi
    coproc GUARD { exec utils/guard.pl "$$" "${VOXSIFT_RUN##*/}" "${command_line}"; }
}

# hold exclusive|shared|release[-wait] FILE: have a lock until this run ends. Where another run has it, say which and
# end, or wait.
hold() {
    local how=$1 reply
    # GUARD is a pipe, which subshells do not have.
    if [ -z "${GUARD_PID:-}" ] || [ "${BASHPID}" != "$$" ]; then return 0; fi
    if "${wait}"; then how=${how%-wait}-wait; fi
    mkdir -p "$(dirname "$2")"
    echo "${how} $2" >&"${GUARD[1]}"
    while read -r -u "${GUARD[0]}" reply; do
        case "${reply}" in
            ok) return 0 ;;
            error:*) die "${reply}; --wait true waits for it" ;;
            *) log "${reply}" ;;
        esac
    done
    die "guard.pl has ended"
}

# hold_outputs EXPDIR: no other run may write what this one writes, or what it reads.
hold_outputs() {
    local number data=shared experiment=
    for number in {1..10}; do
        if runs_stage "${number}"; then
            if [ "${number}" -le 5 ]; then data=exclusive; else experiment=$1; fi
        fi
    done
    [ "${data}" = shared ] || hold exclusive data/.lock
    hold "${data}" "${dumpdir}/.lock"
    [ -z "${experiment}" ] || hold exclusive "$(dirname "$1")/.$(basename "$1").lock"
}

# data_is_made: after stage 5, other runs may read it, too.
data_is_made() {
    hold release data/.lock
    hold shared "${dumpdir}/.lock"
}

# A dry run goes through the stages like any other. These functions say in it what they would do, and do nothing.
remade=' ' # folders of which this run would make something anew

note() {
    echo "    $*"
}

act() { # act COMMAND...: run it
    if "${dry_run}"; then note "$*"; else "$@"; fi
}

# is_remade PATH...: is any of these, or a folder that one lies in, made anew?
is_remade() {
    local path
    for path in "$@"; do
        while [[ "${path}" == */* ]]; do
            [[ "${remade}" != *" ${path} "* ]] || return 0
            path=${path%/*}
        done
    done
    return 1
}

# say_backend: how jobs are run
say_backend() {
    "${dry_run}" || return 0
    note "data: ${train_cmd}, --nj ${nj}"
    note "training: ${cuda_cmd}, --ngpu ${ngpu} --num_nodes ${num_nodes}"
    note "inference: ${decode_cmd}, --inference_nj ${inference_nj} --gpu_inference ${gpu_inference}"
}

# Programs that are queued run in one interpreter, whose start takes longer than most of them do.
queue=()

later() { # later REMEDY PROGRAM WORDS...: REMEDY is said where it fails
    queue+=("$#" "$@")
}

run_queue() {
    if [ "${#queue[@]}" -gt 0 ]; then printf '%s\0' "${queue[@]}" | "${python}" -m toolkit.bin.several || exit; fi
    queue=()
}

# run_checks: run the queue; said is what it says
run_checks() {
    said=$(run_queue) || exit 1
    queue=()
}

# job_progress FOLDER JOBS: every 15 s, the last progress line of each job's log in FOLDER, with the job before it, until
# killed.
job_progress() {
    local seen='' now name
    while sleep 15 >/dev/null 2>&1; do # it outlives the kill for a while; it must not hold the caller's pipe meanwhile
        now=$(for file in $(printf '%s\n' "$1"/*.log | sort -V); do
            name=$(basename "${file}" .log)
            if [ "$2" -gt 1 ]; then name="${name%.*} ${name##*.}/$2"; fi
            [ "${file}" -nt "$1/.submitted" ] && tail -c 400 "${file}" | tr '\r' '\n' | grep -E '[0-9]%|(^| )epoch [0-9]' |
                tail -n 1 | grep -v ' 100%' | sed "s|^ *|${name}: |"
        done || true)
        if [ -n "${now}" ] && [ "${now}" != "${seen}" ]; then
            seen=${now}
            head -n 4 <<<"${now}" | sed 's/^/    /'
            [ "$(wc -l <<<"${now}")" -le 4 ] || echo "    ... $(counted $(($(wc -l <<<"${now}") - 4)) "more job")"
        fi
    done
}

# submit CMD FOLDER ARGS...: run a job (array) by run.pl or slurm.pl, showing its progress; on failure say why and exit.
submit() {
    local cmd=$1 folder=$2 watcher status=0
    shift 2
    if "${dry_run}"; then
        # shellcheck disable=SC2086
        ${cmd} --dry-run true "$@" 2>&1 | sed 's/^/        /'
        return
    fi
    touch "${folder}/.submitted"
    job_progress "${folder}" "$([[ "$1" == JOB=1:* ]] && echo "${1#JOB=1:}" || echo 1)" &
    watcher=$!
    # shellcheck disable=SC2086
    ${cmd} "$@" || status=$?
    kill "${watcher}" 2>/dev/null || true
    wait "${watcher}" 2>/dev/null || true
    if [ "${status}" -ne 0 ]; then
        local logs
        logs=$(find "${folder}" -maxdepth 1 -name '*.log' -newer "${folder}/.submitted")
        if [ -n "${logs}" ]; then
            # shellcheck disable=SC2086
            { grep -h -E '^error: |Error|signal' ${logs} || tail -q -n 20 ${logs}; } | sort -u | tail -n 20 >&2
            # shellcheck disable=SC2086
            if grep -q -E '^# (Ended \(code 137|Finished .* status 137)' ${logs}; then
                echo "(137, signal 9: killed by hand, or by the system for want of memory: dmesg tells; then lower --nj)" >&2
            fi
        fi
        die "failed (exit ${status}); logs are in ${folder}"
    fi
}

# signature SET_DIR WHAT [FILE...]: of a set as a stage finds it, of what the stage does, and of files
# (toolkit.io.signatures)
signature() {
    signature_line "$1" "$2" "${*:3}" | signatures
}

signature_line() { # signature_line SET_DIR WHAT "FILE ...": a line for signatures
    printf '%s\t%q\t%s\n' "$1" "$2" "${3//$'\n'/ }"
}

signatures() { "${python}" -m toolkit.bin.signatures; }

# done_before MARK SIGNATURE: was a stage finished for it?
done_before() {
    [ -n "$2" ] && [ "$(cat "$1" 2>/dev/null)" = "$2" ]
}

# run_jobs --name N --cmd CMD --nj N --in_root A --out_root B --sets "x y" [--stems "wav"] [--allow_bad N]
#          [--deps "file ..."] [--job_size N] -- program args...
# Split the sets' ids over jobs, run "program args --in_root A --out_root B --work F --job J" in each, wait, check that
# ids in = ids out, merge. A set that was finished by the same command from the same input is not done again, nor is a
# finished job of an interrupted run: so a job has job_size ids at most, and nj of them run at a time.
run_jobs() {
    local name='' cmd='' nj=1 in_root='' out_root='' sets='' stems=wav allow_bad=0 deps='' job_size=2000
    while [ "$1" != -- ]; do
        printf -v "${1#--}" %s "$2"
        shift 2
    done
    shift
    hold exclusive-wait "${out_root}/.lock.${name}" # other experiments may write there, too
    work_on_sets "$@"
    hold release "${out_root}/.lock.${name}"
}

work_on_sets() { # work_on_sets PROGRAM ARGS...: of run_jobs, whose variables it uses
    local set sig present='' todo='' finished='' all='' signed bad words="$* ${in_root} ${out_root}"
    for set in ${sets}; do
        # shellcheck disable=SC2086
        if [ -d "${in_root}/${set}" ] && ! is_remade "${in_root}/${set}" ${deps}; then
            present+=" ${set}"
        elif "${dry_run}"; then
            todo+=" ${set}"
        else
            die "${in_root}/${set}: data dir not found; the stage before, or local/data.sh (--local_data_opts), makes it"
        fi
    done
    [ -z "${present}" ] || signed=$(for set in ${present}; do
        # How many ids may be left out decides whether a set is finished, not what is in it.
        signature_line "${in_root}/${set}" "${words/ --allow_bad ${allow_bad}/}" "${deps}"
    done | signatures) || exit 1
    for set in ${present}; do
        sig=${signed%%$'\n'*} signed=${signed#*$'\n'}
        bad=${out_root}/${set}/dropped
        if done_before "${out_root}/${set}/.done.${name}" "${sig}" &&
            { [ ! -f "${bad}" ] || [ "$(wc -l <"${bad}")" -le "${allow_bad}" ]; }; then
            finished+=" ${set}"
        else
            todo+=" ${set}"
            all+=" ${set}=${sig}"
        fi
    done
    if [ -z "${todo}" ]; then
        log "${name}: all done before: ${sets}"
        return
    fi
    if "${dry_run}"; then
        say_jobs
        return
    fi
    # The old tables go first: nothing may read them over new audio if this run does not end well.
    for set in ${todo}; do rm -f "${out_root}/${set}/.done.${name}" "${out_root}/${set}"/*.scp; done
    local logdir total
    logdir=${out_root}/logs/${name}.$(sha256sum <<<"${all} ${nj}" | cut -c 1-8)
    mkdir -p "${logdir}"
    # What another command's interrupted run has written there is about to be overwritten: its jobs no longer count.
    local other
    for other in "${out_root}/logs/${name}".*/; do
        [ "${other%/}" = "${logdir}" ] || rm -f "${other}"done.*
    done
    # shellcheck disable=SC2086
    total=$(${python} -m toolkit.bin.jobs list --in_root "${in_root}" --sets ${todo} --work "${logdir}/work") ||
        die "${name}: no work list"
    local jobs at_a_time
    share_out
    log "${name}: $(counted "${total}" id) of ${todo# } in $(counted "${jobs}" job)${at_a_time:+, ${nj} at a time}, logs in ${logdir}"
    # shellcheck disable=SC2046
    utils/split_scp.pl "${logdir}/work" $(seq -f "${logdir}/work.%.0f" "${jobs}")
    submit "${cmd} ${at_a_time}" "${logdir}" "JOB=1:${jobs}" "${logdir}/${name}.JOB.log" \
        utils/run_once.sh "${logdir}/done.JOB" "$@" --in_root "${in_root}" --out_root "${out_root}" \
        --work "${logdir}/work.JOB" --job JOB
    # shellcheck disable=SC2086
    ${python} -m toolkit.bin.jobs merge --in_root "${in_root}" --out_root "${out_root}" --sets ${todo} \
        --num_jobs "${jobs}" --stems ${stems} --allow_bad "${allow_bad}" >"${logdir}/merge.log" || die "${name}: see above"
    grep 'left out' "${logdir}/merge.log" || true
    # What jobs have to say, "note: <count> <of what>", summed.
    cat "${logdir}/${name}".*.log | awk '/^note: /{ n = $2; $1 = $2 = ""; sum[$0] += n } END { for (i in sum) print "    " sum[i] i }'
    say_warnings "${logdir}/${name}".*.log
    for set in ${all}; do
        echo "${set#*=}" >"${out_root}/${set%%=*}/.done.${name}"
        rm -rf "${out_root:?}/${set%%=*}/.jobs"
    done
    rm -f "${logdir}"/done.*
}

# share_out: jobs and at_a_time of run_jobs, by total, nj and job_size
share_out() {
    at_a_time=''
    nj=$((nj < total ? nj : total))
    jobs=$((nj * ((total + nj * job_size - 1) / (nj * job_size))))
    jobs=$((jobs < total ? jobs : total))
    if [ "${jobs}" -gt "${nj}" ]; then at_a_time="--max-jobs-run ${nj}"; fi
}

# say_jobs: what run_jobs would do; its variables
say_jobs() {
    local total jobs at_a_time unknown=''
    [ -z "${finished}" ] || note "${name} -> ${out_root}: done before:${finished}"
    total=$(for set in ${todo}; do cat "${in_root}/${set}/utt2spk" 2>/dev/null || true; done | wc -l)
    for set in ${todo}; do [ -f "${in_root}/${set}/utt2spk" ] || unknown+=" ${set}"; done
    note "${name} -> ${out_root}: to do:${todo} ($(counted "${total}" id)${unknown:+; those of${unknown} come from an earlier stage})"
    for set in ${todo}; do remade+="${out_root}/${set} "; done
    [ "${total}" -gt 0 ] || total=${nj}
    share_out
    submit "${cmd} ${at_a_time}" "${out_root}" "JOB=1:${jobs}" "${out_root}/logs/${name}/${name}.JOB.log" true
}

# What data stages of all tasks do; their options are the variables of the task script.

# read_words TEXT: words=(...) of a text in which quotes join words, as in the shell; nothing in it is run.
read_words() {
    mapfile -d '' words < <("${python}" -c '
import shlex, sys
try:
    print(*shlex.split(sys.argv[1]), sep="\0", end="\0" if sys.argv[1].strip() else "")
except ValueError as error:
    sys.exit(f"error: --local_data_opts {sys.argv[1]}: {error}; close it, or put a backslash before it")' "$1"; printf '%s\0' "$?")
    local status=${words[-1]}
    unset "words[-1]"
    [ "${status}" -eq 0 ] || exit 1
}

# prepare_data: stage 1; local/data.sh, which plans mixtures, has fs and dumpdir in its environment. Notes the tables that
# it writes, so that stage 2 may run the commands in them.
prepare_data() {
    if "${dry_run}"; then
        note "local/data.sh ${local_data_opts}"
        return
    fi
    mkdir -p data
    if ! [ -f data/.stage_1 ]; then # one that was killed counts too
        touch data/.stage_1
        sleep 0.02 # clocks of file systems tick slowly
    fi
    local words=()
    read_words "${local_data_opts}"
    fs=${fs} dumpdir=${dumpdir} local/data.sh "${words[@]}"
    find data/ -mindepth 2 -maxdepth 2 -name wav.scp -cnewer data/.stage_1 -exec sha256sum {} + >>data/.made
    rm -f data/.stage_1
}

# pipes_of SETS: --allow_pipes, where local/data.sh has written all commands in the sets' tables.
pipes_of() {
    local set option=''
    for set in $1; do
        if grep -qs '|[[:space:]]*$' "data/${set}/wav.scp"; then
            grep -qsxF "$(sha256sum "data/${set}/wav.scp")" data/.made || return 0
            option=--allow_pipes
        fi
    done
    echo "${option}"
}

validate() { # validate SET [options]: data/SET; missing recordings are left to stage 2 where some may be bad
    local without=()
    [ "${allow_bad}" -eq 0 ] || without=(--no-wav-check)
    act utils/validate_data_dir.sh --no-feats --no-text "${without[@]}" "${@:2}" "data/$1"
}

format_sets() { # format_sets SETS [options of format_audio]
    local sets=$1
    shift
    # shellcheck disable=SC2046,SC2086
    [ -z "${sets// /}" ] || run_jobs --name format --cmd "${train_cmd}" --nj "${nj}" --in_root data \
        --out_root "${dumpdir}/raw" --sets "${sets}" --stems "wav enroll_spk1" --allow_bad "${allow_bad}" -- \
        "${python}" -m toolkit.bin.format_audio --fs "${fs}" --allow_bad "${allow_bad}" ${channel:+--channel "${channel}"} "$@" \
        $(pipes_of "${sets}") ${format_opts}
}

format_speech() { format_sets "$1" --min_seconds "${min_wav_duration}" --max_seconds "${max_wav_duration}"; }

format_sources() {
    format_sets "${extra_sets}" --trim_zeros
    # Published mixtures are of all their samples and resampled so; a mixture is rounded once.
    format_sets "${source_sets}" --resampler polyphase --bits 24
    format_sets "${room_sets}" --min_seconds 0.001
}

plan() { # plan CONFIG SET NAME [options]: write data/<name>*/mix.jsonl, when the queue runs
    local config=$1 set=$2 name=$3 remedy=''
    if "${dry_run}" && [[ " $* " != *" --check "* ]]; then
        note "plan: data/${name}"
        return
    fi
    shift 3
    if [[ " $* " == *" --check "* ]]; then set -- "$@" --known_sets "$(known_sets)"; fi
    [[ " $* " != *" --kinds "* ]] ||
        remedy="--test_noises ${test_noises} --ood_noises ${ood_noises} --snrs ${snrs}: the kinds are those of ${config}"
    later "${remedy}" simulate_plan ${config:+--config "${config}"} \
        --data "${dumpdir}/raw/${set}" --out_root data --name "${name}" "$@"
}

render() { # render SETS [--streams STREAM...]: data/<set>/mix.jsonl -> dump/raw/<set>
    local sets=$1 stems=${*:3}
    shift
    run_queue
    # In a dry run no plan is made, and new recordings make new ones.
    # shellcheck disable=SC2086
    if "${dry_run}" && [ "${remade}" != ' ' ]; then remade+=$(printf 'data/%s ' ${sets}); fi
    run_jobs --name render --cmd "${train_cmd}" --nj "${nj}" --in_root data --out_root "${dumpdir}/raw" --sets "${sets}" \
        --stems "${stems:-wav}" -- "${python}" -m toolkit.bin.simulate_render "$@"
}

# statistics FOLDER TRAIN_DIR CONFIG ARGS TASK: stage 5, done again only when data, config or options have changed.
statistics() {
    local stats=$1 dir=$2 config=$3 options=$4 sig=
    if [ -d "${dir}" ] && ! is_remade "${dir}"; then
        # Training mixes with sounds and rooms, too.
        # shellcheck disable=SC2046
        sig=$(signature "${dir}" "${options}" "${config}" $(marks_of_sounds)) || exit 1
    fi
    if done_before "${stats}/.done" "${sig}"; then
        log "statistics: done before"
        return
    fi
    if "${dry_run}"; then note "statistics: to do"; else mkdir -p "${stats}"; fi
    # shellcheck disable=SC2086
    submit "${train_cmd}" "${stats}" "${stats}/stats.log" "${python}" -m toolkit.bin.statistics "$5" --config "${config}" --train_dir "${dir}" \
        --output "${stats}" ${options}
    if "${dry_run}"; then return 0; fi
    grep -F "${stats}: " "${stats}/stats.log" || true
    say_warnings "${stats}/stats.log"
    echo "${sig}" >"${stats}/.done"
}

marks_of_sounds() { # of the sets that training may draw on
    local set
    for set in ${extra_sets} ${source_sets} ${room_sets}; do compgen -G "${dumpdir}/raw/${set}/.done.format" || true; done
}

# training_words EXPDIR TRAIN_DIR VALID_SETS [VALID_ROOT]: the options that stage 6 adds to a config
training_words() {
    local valid_dirs='' set
    for set in $3; do valid_dirs+=" ${4:-${dumpdir}/raw}/${set}"; done
    echo "--train_dir $2 --valid_dirs $(as_list "${valid_dirs}") --expdir $1"
}

# train EXPDIR TRAIN_DIR VALID_SETS CONFIG ARGS TASK [VALID_ROOT]: stage 6, on --ngpu GPUs of --num_nodes nodes.
train() {
    local exp=$1
    if "${dry_run}"; then
        note "training: ${trained:-to do}"
        [[ "${trained:-}" == "all done before"* ]] || remade+="${exp} "
    elif [ -f "${exp}/train.log" ]; then # the job writes it anew: what earlier runs said is kept
        mv "${exp}/train.log" "${exp}/train.$(find "${exp}" -name 'train.*.log' | wc -l).log"
    else
        mkdir -p "${exp}"
    fi
    warn_of_known_speakers --train_dir "$2" "${all_tests}"
    # On the terminal; the trainer says it in its log alone.
    trap 'echo "${exp}: training was interrupted; the same command goes on from its last checkpoint" >&2
        trap - INT
        kill -INT $$' INT
    # shellcheck disable=SC2046,SC2086
    submit "${cuda_cmd} --gpu ${ngpu}$([ "${num_nodes}" -eq 1 ] || echo " --num-nodes ${num_nodes}")" "${exp}" \
        --name "${exp}" "${exp}/train.log" \
        utils/launch.sh --ngpu "${ngpu}" --num_nodes "${num_nodes}" "${python}" -m toolkit.bin.train "$6" \
        --config "$4" $(training_words "$1" "$2" "$3" "${7:-}") $5
    trap - INT
    "${dry_run}" || say_training "${exp}"
}

# warn_of_known_speakers OPTION PATH SETS: of test sets with speakers of a training set, or of an experiment's
warn_of_known_speakers() {
    local set dirs=()
    for set in $3; do
        set=${dumpdir}/raw/${set}
        if [ -f "${set}/utt2spk" ]; then dirs+=("${set}"); fi
    done
    if "${dry_run}" || [ "${#dirs[@]}" -eq 0 ]; then return 0; fi
    "${python}" -m toolkit.bin.known_speakers "$1" "$2" --sets "${dirs[@]}" || exit 1
}

known_sets() { # what planner configs may name, as a list
    as_list "$(printf ' %s' "${train_set}" "${valid_sets}" "${test_sets}" "${extra_sets}" "${source_sets}" "${room_sets}" | tr -s ' ')"
}

kept_beside() { # beside a table that is published: the file of what it is made of
    local file
    file=$(basename "${results}" .md)
    [ "${results}" = "${expdir}/RESULTS.md" ] || echo "--archive $(dirname "${results}")/${file,,}.json"
}

as_list() { # "a b" -> [a,b]
    tr -s ' ' ',' <<<"${1# }" | sed 's/,$//; s/.*/[&]/'
}

# check_words PATTERN WHAT NAME...: each word of each of these variables matches PATTERN, or the option is named.
check_words() {
    local pattern=$1 what=$2 name word hint
    shift 2
    for name in "$@"; do
        # A value of several words is a list, but for names.
        while read -r word; do
            if [ -z "${word}" ] || [[ "${word}" =~ ^(${pattern})$ ]]; then continue; fi
            hint=
            if [[ "${word}" == *,* ]]; then hint="; separate by spaces: --${name} \"$(tr -s ', ' ' ' <<<"${!name}")\""; fi
            die "--${name} ${!name}: ${word} must be a ${what}${hint}"
        done < <(if [ "${what%% *}" = name ]; then echo "${!name}"; else tr -s ' ' '\n' <<<"${!name}"; fi)
    done
}

# check_lists NAME...: words that no comma joins
check_lists() { check_words '[^,]+' 'word' "$@"; }

check_counts() { check_words '[1-9][0-9]{0,8}' 'whole number from 1 to 999999999' "$@"; }

check_counts_or_0() { check_words '[0-9]{1,9}' 'whole number from 0 to 999999999' "$@"; }

check_numbers() { check_words '-?([0-9]+[.]?[0-9]*|[.][0-9]+)' 'number' "$@"; }

check_names() { check_words '[A-Za-z0-9_.+=,-]+' 'name of a folder (letters, digits, _ . + -)' "$@"; }

# check_inference_model EXPDIR METRIC: the weights of --inference_model are there, or are what training leaves.
check_inference_model() {
    runs_stage 6 || return 0
    [ -e "$1/${inference_model}" ] || [[ "${inference_model}" =~ ^(valid[.]$2[.](ave|best)|epoch[0-9]+)[.]pth$ ]] ||
        die "--inference_model ${inference_model}: must be valid.$2.ave.pth, valid.$2.best.pth or epoch<n>.pth"
}

# check_trials ROOT SETS: the trials of these sets name known ids and are of both kinds.
check_trials() {
    local set dirs=()
    for set in $2; do [[ " ${dirs[*]} " == *" $1/${set} "* ]] || dirs+=("$1/${set}"); done
    if "${dry_run}" || [ "${#dirs[@]}" -eq 0 ]; then return 0; fi
    "${python}" -m toolkit.bin.make_trials --check "${dirs[@]}" || exit 1
}

# no_experiment EXPDIR TASK: say that it is not there, and which are.
no_experiment() {
    local there
    there=$(compgen -G "${expdir}/$2_*/config.yaml" | xargs -r dirname | tr '\n' ' ')
    die "$1: no such experiment; train it first (stage 6), or give --$2_tag, --$2_config or --$2_args as in its training;" \
        "there are: ${there:-none}"
}

# say_training EXPDIR: the validation of every epoch, of earlier runs too, and all that this run warned of.
say_training() {
    if ! grep -o '[^ ]*: [0-9]* epochs* trained before; nothing to do' "$1/train.log"; then
        { find "$1" -maxdepth 1 -name 'train.*.log' | sort -V | xargs -r cat && cat "$1/train.log"; } |
            sed -n 's|^[^ ]* INFO epoch \([0-9]*\)\(/[0-9]* valid: .*\)|\1 \2|p' |
            awk '{ at = $1; sub(/^[0-9]+ /, ""); said[at] = $0; if (at > last) last = at }
                END { for (i = 1; i <= last; i++) if (i in said) print "    epoch " i said[i] }'
    fi
    most_warnings=20 say_warnings "$1/train.log"
}

# say_warnings LOG...: what the jobs warned of, each once, the first few (most_warnings, 3).
say_warnings() {
    local said most=${most_warnings:-3}
    said=$(cat -- "$@" | sed -n 's/^.* WARNING /WARNING /p' | awk '!seen[$0]++')
    [ -n "${said}" ] || return 0
    head -n "${most}" <<<"${said}" >&2
    [ "$(wc -l <<<"${said}")" -le "${most}" ] ||
        echo "... $(counted $(($(wc -l <<<"${said}") - most)) "more warning") in $(dirname "$1")" >&2
}
