#!/usr/bin/env bash
# slurm.pl and a whole recipe against a real Slurm of two nodes, which lives in a temporary folder on this machine.
# Prints a line for each case and ends with 1 when one fails. Cases can be named: ci/integration_slurm.sh array ctrl_c
# Cases are called by name, and their scripts for sh are in single quotes.
# shellcheck disable=SC2016,SC2094,SC2317
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=ci/slurm_cluster.sh
. ci/slurm_cluster.sh
root=${PWD}
slurm_pl=${root}/utils/slurm.pl

# -- cases: each runs in its folder and ends at the first command that fails

fails() { # fails TEXT COMMAND...: the command exits with 1 and prints the text
    local text=$1 status=0
    shift
    "$@" >output 2>&1 || status=$?
    cat output
    [ "${status}" -eq 1 ] || return 1
    grep -q -F -e "${text}" output
}

has_line() { grep -q -x -e "$2" "$1" || { echo "$1 has no line $2"; return 1; }; } # has_line FILE REGEXP

most_at_once() { # most_at_once LOGS...: from the begin and end times in seconds
    awk -F= '/^# Accounting: begin_time/ { begin = $2 }
        /^# Accounting: end_time/ { for (t = begin; t < $2; t++) n[t]++ }
        END { for (t in n) if (n[t] > most) most = n[t]; print most + 0 }' "$@"
}

case_success() {
    "${slurm_pl}" --name "a name" --mem 100M --time 5 --num-threads 2 log/x.log sh -c 'echo fine; pwd'
    has_line log/x.log fine
    has_line log/x.log "${PWD}"
    has_line log/x.log '# SLURM_JOB_NAME=a name'
    has_line log/x.log '# Accounting: time=[0-9]* threads=2'
    tail -n 1 log/x.log | grep -q '^# Finished at .* with status 0$'
    [ "$(ls log/q)" = $'x.log\nx.sh' ]
}

case_array() {
    "${slurm_pl}" JOB=3:9 log/x.JOB.log echo "number JOB"
    for job in $(seq 3 9); do has_line "log/x.${job}.log" "number ${job}"; done
}

case_array_over_the_limit() { # MaxArraySize is 11
    "${slurm_pl}" --max-jobs-run 3 JOB=1:25 log/x.JOB.log sh -c 'echo number JOB; sleep 1'
    for job in $(seq 25); do has_line "log/x.${job}.log" "number ${job}"; done
    [ "$(most_at_once log/x.*.log)" -le 3 ]
}

case_failing_job() {
    fails "1 / 3 failed, log is in log/x.*.log" "${slurm_pl}" JOB=1:3 log/x.JOB.log test JOB -ne 2
    has_line log/x.2.log '# Finished at .* with status 1'
    has_line log/x.3.log '# Finished at .* with status 0'
}

case_killed_job() {
    fails "job failed" "${slurm_pl}" x.log sh -c 'kill -9 $$'
    has_line x.log '# Finished at .* with status 137'
    scontrol show job "$(sed -n 's/# SLURM_JOB_ID=//p' x.log)" | grep 'ExitCode=100:0'
}

case_killed_script() { # with all that it runs: the log gets no end
    fails "Slurm's state of job 2: FAILED" "${slurm_pl}" JOB=1:2 x.JOB.log sh -c 'test JOB = 1 || kill -9 $PPID $$'
    [ "$(tail -n 1 x.2.log)" = "# Ended by Slurm: FAILED" ]
    has_line x.1.log '# Finished at .* with status 0'
}

case_scancel_from_outside() {
    { eventually 20 test -f on && scancel --name victim; } &
    fails "Slurm's state: CANCELLED" "${slurm_pl}" --name victim x.log sh -c 'touch on; sleep 100'
}

case_scancel_of_waiting_jobs() {
    { eventually 20 test -f on && scancel --state PENDING --name victim; } &
    fails "state of job 2-5: CANCELLED" \
        "${slurm_pl}" --name victim --max-jobs-run 1 JOB=1:5 x.JOB.log sh -c 'touch on; sleep 4'
    has_line x.1.log '# Finished at .* with status 0'
}

case_time_limit() { # Slurm counts minutes, and looks every half
    fails "Slurm's state: TIMEOUT, its time limit ended it (--time)" "${slurm_pl}" --time 1 x.log sleep 200
    grep -q 'DUE TO TIME LIMIT' output
}

case_node_failure() {
    scontrol update NodeName=n1 State=DRAIN Reason=test
    { eventually 20 test -f on && scontrol update NodeName=n2 State=DOWN Reason=test; } &
    fails "Slurm's state: NODE_FAIL, its node failed" "${slurm_pl}" x.log sh -c 'touch on; sleep 100'
    scontrol update NodeName=n1 State=RESUME
    eventually 20 node_is n2 idle
}

case_requeued_job() { # what Slurm starts again is waited for
    printf 'command sbatch --requeue\noption name=* --job-name $0\n' >requeue.conf
    { eventually 20 test -f on && scontrol requeue "$(squeue -h -o %A --name again)"; } &
    "${slurm_pl}" --config requeue.conf --name again x.log sh -c 'test -f on || { touch on; sleep 100; }'
    has_line x.log '# SLURM_RESTART_COUNT=1'
}

case_warned_training() { # a training that Slurm warns of its time limit goes on in the same job, queued again
    printf 'command sbatch --requeue\noption name=* --job-name $0\n' >requeue.conf
    cat >training.py <<'EOF'
import pathlib, sys, time
from toolkit.train.interrupt import StopSignal

if pathlib.Path("saved").exists():
    sys.exit(print("continued"))
with StopSignal() as stop:
    pathlib.Path("on").touch()
    while not stop.received:
        time.sleep(0.1)
pathlib.Path("saved").touch()
stop.end()
EOF
    { eventually 20 test -f on && scancel --signal USR1 --batch "$(squeue -h -o %A --name warned)"; } &
    PYTHONPATH=${root} "${slurm_pl}" --config requeue.conf --name warned x.log python3 training.py
    has_line x.log continued
    has_line x.log '# SLURM_RESTART_COUNT=1'
}

case_limit_of_jobs() {
    "${slurm_pl}" --max-jobs-run 3 JOB=1:9 x.JOB.log sleep 2
    most=$(most_at_once x.*.log)
    echo "at most ${most} at once"
    [ "${most}" -eq 3 ]
}

case_ctrl_c() {
    # A shell without a terminal lets its background ignore Ctrl-C.
    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
        "${slurm_pl}" --max-jobs-run 2 --name stopped JOB=1:5 x.JOB.log sh -c 'touch on.JOB; sleep 100' &
    local runner=$! status=0
    eventually 20 test -f on.2
    kill -INT "${runner}"
    wait "${runner}" || status=$?
    [ "${status}" -eq 130 ]
    eventually 10 nothing_runs stopped
    [ ! -e on.3 ]
}

nothing_runs() { ! squeue -h --name "$1" | grep .; }

case_quoting() {
    local words=("a  b" "it's" '"q"' '$HOME' '*' '' "a\\b" "<unk>" "x;y" '#' '~' "(a|b)" $'a\nb' "it's JOB" xJOBy)
    words=(printf '[%s]\n' "${words[@]}" '|' cat -A '2>&1' '&&' printf 'JOB\n')
    "${root}/utils/run.pl" JOB=1:2 run.JOB.log "${words[@]}"
    "${slurm_pl}" JOB=1:2 slurm.JOB.log "${words[@]}"
    for job in 1 2; do
        sed '1,/^#$/d; /^# Accounting/,$d' "run.${job}.log" >expected
        has_line expected '\[xJOBy\]\$\|\[x[12]y\]\$'
        sed '/^# Accounting/,$d' "slurm.${job}.log" | tail -n "$(wc -l <expected)" | cmp - expected
    done
}

case_refused_options() {
    fails "invalid partition specified: none" "${slurm_pl}" --partition none x.log true
    fails "Invalid feature specification" "${slurm_pl}" --constraint none x.log true
    fails "Invalid generic resource" "${slurm_pl}" --gpu 1 x.log true
}

case_too_few_nodes() {
    fails "job failed" "${slurm_pl}" x.log "${root}/utils/launch.sh" --num_nodes 2 python3 -m this
    grep 'error: launch.sh: --num_nodes 2: of .* only these nodes answered' x.log
}

case_out_of_memory() { # the accounting looks every second; with cgroups Slurm's state would be OUT_OF_MEMORY
    fails "exceeded memory limit" \
        "${slurm_pl}" --mem 50M x.log python3 -c 'import time; kept = b"x" * (300 << 20); time.sleep(60)'
    grep -q "Slurm's state" output
}

case_preemption() { # a job of a partition with priority takes the place of those that fill both nodes
    { eventually 20 test -f on.1 && sbatch -p urgent -c 4 -o urgent.log --wrap 'sleep 2'; } &
    fails "PREEMPTED, another job took its place" \
        "${slurm_pl}" --num-threads 4 JOB=1:2 x.JOB.log sh -c 'touch on.JOB; sleep 15'
    [ "$(grep -l 'with status 143$' x.*.log | wc -l)" -eq 1 ]
    [ "$(grep -l 'with status 0$' x.*.log | wc -l)" -eq 1 ]
    eventually 20 queue_is_empty
}

case_folder_with_blanks() {
    "${slurm_pl}" JOB=1:2 "my logs/of  today/x y.JOB.log" echo "number JOB"
    for job in 1 2; do has_line "my logs/of  today/x y.${job}.log" "number ${job}"; done
    mkdir 'a b'
    (cd 'a b' && "${slurm_pl}" 'c d.log' pwd)
    has_line 'a b/c d.log' "${PWD}/a b"
}

case_equal_names() { # the end of one run cancels its jobs alone
    perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "${slurm_pl}" --name same JOB=1:2 one.JOB.log sh -c 'touch on.JOB; sleep 100' &
    local runner=$! status=0
    "${slurm_pl}" --name same JOB=1:2 two.JOB.log sh -c 'touch other.JOB; sleep 8; echo done' &
    local other=$!
    eventually 20 test -f on.2
    eventually 20 test -f other.2
    kill -INT "${runner}"
    wait "${runner}" || status=$?
    [ "${status}" -eq 130 ]
    wait "${other}"
    for job in 1 2; do has_line "two.${job}.log" "done"; done
    ! grep -q 'with status 0' one.1.log
}

case_squeue_that_fails() { # for a while: the jobs are waited for
    local squeue
    squeue=$(command -v squeue)
    printf '#!/bin/sh\nif [ -e "%s/deaf" ]; then echo "squeue: error: no answer" >&2; exit 1; fi\nexec %s "$@"\n' \
        "${PWD}" "${squeue}" >squeue
    chmod +x squeue
    { eventually 20 test -f on && touch deaf && sleep 10 && rm deaf; } &
    PATH=${PWD}:${PATH} "${slurm_pl}" x.log sh -c 'touch on; sleep 4; echo done' 2>messages
    cat messages
    has_line x.log "done"
    [ "$(grep -c 'squeue failed, waiting on: squeue: error: no answer' messages)" -eq 1 ]
}

corpus="--train_speakers 8 --dev_speakers 3 --test_speakers 4 --babble_speakers 6 --utterances 4 --noises 1 --pieces 1"

mini() { # mini NAME OPTIONS...: the mini recipe, tiny, in its own tree
    local tree=${work}/tree.$1
    if [ ! -d "${tree}" ]; then
        mkdir -p "${tree}/egs"
        ln -s "${root}/egs/TEMPLATE" "${root}/egs/conf" "${tree}/egs/"
        ln -s "${root}/utils" "${tree}/utils"
        (cd "${root}" && tar -c --exclude={data,dump,exp,downloads} egs/mini) | tar -x -C "${tree}"
    fi
    "${tree}/egs/mini/sv/run.sh" --local_data_opts "${corpus} --rooms 1" --sv_args "--trainer.epochs 1" --nj 2 \
        --inference_nj 2 --snrs 10 --test_noises "babble noise" --ood_noises "" --floor_config "" --resamples 50 "${@:2}"
}

outcome() { # outcome NAME: hashes of all that the recipe has dumped, embedded and scored
    cd "${work}/tree.$1/egs/mini/sv"
    find dump exp/*/embeddings exp/*/scores -type f ! -path '*/logs/*' ! -name '.*' ! -name '*.log' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum
}

case_recipe() {
    cmd_backend=local mini local
    cmd_backend=slurm mini slurm
    (outcome local) >local
    (outcome slurm) >slurm
    diff local slurm
    echo "$(wc -l <local) files are the same"
    grep -q '^# SLURM_JOB_ID' "${work}"/tree.slurm/egs/mini/sv/exp/sv_*/train.log
    [ "$(grep -c '\.ark$' local)" -gt 10 ]
    [ "$(grep -c 'metrics\.json$' local)" -gt 2 ]
}

case_two_nodes() {
    if ! "${two_nodes}"; then
        echo "left out: this slurmd cannot run twice on one machine"
        return
    fi
    cmd_backend=slurm mini slurm --stop_stage 6 --num_nodes 2 --sv_tag two
    grep 'launch.sh: 2 processes' "${work}/tree.slurm/egs/mini/sv/exp/sv_two/train.log"
    [ -f "${work}/tree.slurm/egs/mini/sv/exp/sv_two/valid.eer.ave.pth" ]
}

# -- run them

run_case() { # run_case NAME: a line on how it went; not to be called where bash ignores failures (if, ||)
    local status began=${SECONDS} output=${work}/$1.out
    mkdir "${work}/$1"
    set +e
    (set -e && cd "${work}/$1" && "case_$1") >"${output}" 2>&1
    status=$?
    set -e
    if [ "${status}" -eq 0 ]; then
        echo "ok    $1 ($((SECONDS - began)) s) $(grep -E '^(left out:|at most|[0-9]* files are)' "${output}" || true)"
    else
        echo "FAIL  $1 ($((SECONDS - began)) s)"
        tail -n 20 "${output}" | sed 's/^/      /'
        touch "${work}/failed"
    fi
}

finish() {
    stop_cluster
    if [ -e "${work}/failed" ]; then echo "logs are kept in ${work}"; else rm -rf "${work}"; fi
}

cases=(success array array_over_the_limit failing_job killed_job killed_script scancel_from_outside
    scancel_of_waiting_jobs limit_of_jobs ctrl_c quoting refused_options too_few_nodes requeued_job warned_training
    node_failure out_of_memory preemption folder_with_blanks equal_names squeue_that_fails recipe two_nodes)
for name; do
    declare -F "case_${name}" >/dev/null || die "${name}: no such case; there are time_limit ${cases[*]}"
done
install_slurm
tools/install.sh
# shellcheck source=tools/activate.sh
. tools/activate.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/voxsift_slurm.XXXXXX")
trap finish EXIT
trap 'touch "${work}/failed"; exit 130' INT TERM HUP
start_cluster
echo "Slurm $(sinfo -V | cut -d ' ' -f 2) runs in ${work} with $("${two_nodes}" && echo 2 nodes || echo 1 node)"
slow=
if [ $# -eq 0 ]; then
    run_case time_limit & # takes a minute and more
    slow=$!
    set -- "${cases[@]}"
fi
for name; do run_case "${name}"; done
[ -z "${slow}" ] || wait "${slow}"
[ ! -e "${work}/failed" ]
