# Options that all task scripts have: their help, their defaults, their check. Sourced by recipe.sh.
# shellcheck shell=bash disable=SC2034,SC2154

general_help=$(cat <<'EOF'
General
  --stage, --stop_stage       first and last stage to run (1, 10000)
  --skip_stages "4 5"         stages to leave out
  --skip_data_prep, --skip_train, --skip_eval, --skip_packing   leave out 1-5, 6, 7-9, 10 (false, false, false, true)
  --dry_run                   say what would run, and where, and what is done already (false)
  --wait                      wait for another run that writes the same output, instead of ending (false)
  --nj, --inference_nj        jobs of the data stages and of 7-8 (number of CPUs)
  --ngpu, --num_nodes         GPUs a node for training, 0 is CPU (0); nodes (1)
  --gpu_inference             stage 7 on a GPU (false)
  --dumpdir, --expdir         where data and experiments go (dump, exp)
  --python                    interpreter (python3)
  --trust                     build classes from outside the toolkit for systems that options name (--sv_exp, --se_exp), which
                              runs their code; this recipe's own experiments are trusted (false)
EOF
)

stage=1
stop_stage=10000
skip_stages=
skip_data_prep=false
skip_train=false
skip_eval=false
skip_packing=true
dry_run=false
wait=false
nj=$(env -u OMP_NUM_THREADS nproc)
inference_nj=${nj}
ngpu=0
num_nodes=1
gpu_inference=false
dumpdir=dump
expdir=exp
python=python3
trust=false
train_set=
valid_sets=
test_sets=
extra_sets=
source_sets=
room_sets=
local_data_opts=
channel=
format_opts=
min_wav_duration=0.1
max_wav_duration=300
allow_bad=0
train_copies=1
test_noises=
ood_noises=
snrs="0 5 10 15 20"
resamples=1000
results=

# check_options [WORD...]: nothing but options was given, and those above are what they should be.
check_options() {
    if [ $# -ne 0 ]; then
        echo "error: $*: only options are understood (./run.sh --help); quote a value of several words" >&2
        exit 2
    fi
    if [ -z "${train_set}" ] || [ -z "${valid_sets}" ] || [ -z "${test_sets}" ]; then
        echo "${help_message}"
        echo "error: --train_set, --valid_sets and --test_sets are needed" >&2
        exit 2
    fi
    check_stages 10
    check_counts nj inference_nj fs train_copies num_nodes
    check_counts_or_0 ngpu allow_bad resamples skip_stages
    [ "${resamples}" -le 1000000 ] || die "--resamples ${resamples}: must be 1000000 at most"
    check_numbers min_wav_duration max_wav_duration snrs
    check_words '[0-9]+|mean' 'channel from 0, or mean' channel
    check_lists valid_sets test_sets extra_sets source_sets room_sets test_noises ood_noises breakdown
    [ -d "$(dirname "${results:-x}")" ] || die "--results ${results}: folder $(dirname "${results}") not found"
    check_machines
    trusted=()
    if "${trust}"; then trusted=(--trust); fi
}

# check_breakdown ROOT SETS [WORD...]: --breakdown names groups of all tasks or these, or tables that the sets in ROOT have,
# as far as they are there; gender is spk2gender, duration is measured.
check_breakdown() {
    local root=$1 sets=$2 set word
    shift 2
    for word in ${breakdown}; do
        [[ " duration $* " != *" ${word} "* ]] || continue
        [[ "${word}" =~ ^(gender|spk2.+|utt2.+)$ ]] ||
            die "--breakdown ${word}: it can be gender, duration${*:+, $*}, or a table of the test sets, spk2<x> or utt2<x>"
        for set in ${sets}; do
            [ ! -d "${root}/${set}" ] || [ -f "${root}/${set}/${word/#gender/spk2gender}" ] ||
                die "--breakdown ${word}: ${root}/${set}/${word/#gender/spk2gender}: table not found"
        done
    done
}
