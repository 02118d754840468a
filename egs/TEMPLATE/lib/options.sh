# Options that all task scripts have: help, defaults, checks. Sourced by the task scripts.
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
data_help=$(cat <<'EOF'
  --extra_sets "noise_train ..."            sets that mixtures draw on: noises, music, talkers
  --source_sets "librispeech_test ..."      recordings of sets with mix.jsonl, formatted as published mixtures are
                              (untrimmed, resampled by resample_poly, 24 bits)
  --room_sets "rirs_train ..."              impulse responses
  --local_data_opts "..."                   options of local/data.sh
  --fs                                      rate in Hz
  --channel                                 channel to keep of recordings with several (default: refuse them)
  --min_wav_duration, --max_wav_duration    in seconds (0.1, 300)
  --format_opts "..."                       more options of format_audio, e.g. --allow_pipes (run commands in wav.scp)
  --allow_bad 0                             number of bad utterances of a set that may be left out instead of stopping
EOF
)
results_help=$(cat <<'EOF'
  --resamples                 bootstrap resamples (1000)
  --results                   table over all experiments (exp/RESULTS.md); RESULTS.md: that of the recipe itself, to publish,
                              and results.json, of which report --from makes it anew
EOF
)

stage=1 stop_stage=10000 skip_stages='' skip_data_prep=false skip_train=false skip_eval=false skip_packing=true
dry_run=false wait=false
nj=$(env -u OMP_NUM_THREADS nproc)
inference_nj=${nj} ngpu=0 num_nodes=1 gpu_inference=false
dumpdir=dump expdir=exp python=python3 trust=false
train_set='' valid_sets='' test_sets='' extra_sets='' source_sets='' room_sets=''
local_data_opts='' fs=16000 channel='' format_opts='' min_wav_duration=0.1 max_wav_duration=300 allow_bad=0
train_copies=1 test_noises='' ood_noises='' snrs="0 5 10 15 20"
breakdown='' resamples=1000 results=''

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
    check_counts nj "${nj}" inference_nj "${inference_nj}" fs "${fs}" train_copies "${train_copies}" num_nodes "${num_nodes}"
    check_counts_or_0 ngpu "${ngpu}" allow_bad "${allow_bad}" resamples "${resamples}" skip_stages "${skip_stages}"
    [ "${resamples}" -le 1000000 ] || die "--resamples ${resamples}: must be 1000000 at most"
    check_numbers min_wav_duration "${min_wav_duration}" max_wav_duration "${max_wav_duration}" snrs "${snrs}"
    check_words '[0-9]+|mean' 'channel from 0, or mean' channel "${channel}"
    check_lists valid_sets "${valid_sets}" test_sets "${test_sets}" extra_sets "${extra_sets}" source_sets "${source_sets}" \
        room_sets "${room_sets}" test_noises "${test_noises}" ood_noises "${ood_noises}" breakdown "${breakdown}"
    results=${results:-${expdir}/RESULTS.md}
    [ "${results}" = "${expdir}/RESULTS.md" ] || [ -d "$(dirname "${results}")" ] ||
        die "--results ${results}: folder $(dirname "${results}") not found"
    check_machines
    trusted=()
    if "${trust}"; then trusted=(--trust); fi
    note_skips
    plain_step=(--dry_run "${dry_run}" --python "${python}")
    data_step=(--cmd "${train_cmd}" --nj "${nj}" "${plain_step[@]}")
    decode_step=(--cmd "${decode_cmd}" --nj "${inference_nj}" --gpu "${gpu_inference}" "${plain_step[@]}")
}

# check_stages LAST: --stage and --stop_stage are numbers, in order, and name a stage.
check_stages() {
    [[ "${stage} ${stop_stage}" =~ ^[0-9]{1,9}\ [0-9]{1,9}$ ]] || die "--stage ${stage} --stop_stage ${stop_stage}: must be numbers"
    [ "${stage}" -le "${stop_stage}" ] || die "--stage ${stage} comes after --stop_stage ${stop_stage}"
    [ "${stage}" -le "$1" ] || die "--stage ${stage}: there are $1 stages"
}

# check_machines: --ngpu and --num_nodes fit the machine, where jobs run on this one.
check_machines() {
    [[ "${cuda_cmd}" == *run.pl* ]] || return 0
    [ "${ngpu} ${gpu_inference}" = "0 false" ] || nvidia-smi -L >/dev/null 2>&1 ||
        die "--ngpu ${ngpu} --gpu_inference ${gpu_inference}: nvidia-smi finds no GPU here; use --ngpu 0 --gpu_inference false"
    [ "${num_nodes}" -eq 1 ] ||
        die "--num_nodes ${num_nodes}: run.pl knows this machine only; cmd.sh can choose another (cmd_backend=slurm ./run.sh ...)"
}

# check_words PATTERN WHAT [NAME VALUE]...: each word of each value matches PATTERN, or the option is named.
check_words() {
    local pattern=$1 what=$2 word hint
    shift 2
    while [ $# -gt 0 ]; do
        # A value of several words is a list, but for names.
        while read -r word; do
            if [ -z "${word}" ] || [[ "${word}" =~ ^(${pattern})$ ]]; then continue; fi
            hint=
            if [[ "${word}" == *,* ]]; then hint="; separate by spaces: --$1 \"$(tr -s ', ' ' ' <<<"$2")\""; fi
            die "--$1 $2: ${word} must be a ${what}${hint}"
        done < <(if [ "${what%% *}" = name ]; then echo "$2"; else tr -s ' ' '\n' <<<"$2"; fi)
        shift 2
    done
}

check_lists() { check_words '[^,]+' 'word' "$@"; } # words that no comma joins
check_counts() { check_words '[1-9][0-9]{0,8}' 'whole number from 1 to 999999999' "$@"; }
check_counts_or_0() { check_words '[0-9]{1,9}' 'whole number from 0 to 999999999' "$@"; }
check_numbers() { check_words '-?([0-9]+[.]?[0-9]*|[.][0-9]+)' 'number' "$@"; }
check_positive() { check_words '[0-9]*[1-9][0-9]*[.]?[0-9]*|[0-9]*[.][0-9]*[1-9][0-9]*' 'number above 0' "$@"; }
check_names() { check_words '[A-Za-z0-9_.+=,-]+' 'name of a folder (letters, digits, _ . + -)' "$@"; }

check_files() { # check_files [NAME VALUE]...: each value is a file, or empty
    while [ $# -gt 0 ]; do
        [ -z "$2" ] || [ -f "$2" ] || die "--$1 $2: no such file"
        shift 2
    done
}

check_system() { # check_system NAME VALUE [WHAT]: a folder of an experiment, or a packed.zip; or empty
    if [ -z "$2" ] || [ -f "$2/config.yaml" ] || [ -f "$2" ]; then return 0; fi
    if [ $# -eq 3 ]; then die "--$1 $2: no such experiment, nor packed zip, of $3"; fi
    die "--$1 $2: no such experiment or packed.zip"
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

# check_experiment EXPDIR TASK: where it is used and not trained by this run, it is there.
check_experiment() {
    local others
    if runs_stage 6 || [ -f "$1/config.yaml" ]; then return 0; fi
    runs_stage 7 || runs_stage 8 || runs_stage 9 || runs_stage 10 || return 0
    others=$(compgen -G "${expdir}/$2_*/config.yaml" | xargs -r dirname | tr "\n" " " || true)
    die "$1: no such experiment; train it first (stage 6), or give --$2_tag, --$2_config or --$2_args as in its training;" \
        "there are: ${others:-none}"
}

# warn_of_known_speakers OPTION PATH SETS: of test sets with speakers of a training set, or of an experiment's
warn_of_known_speakers() {
    local set dirs=()
    for set in $3; do
        if [ -f "${dumpdir}/raw/${set}/utt2spk" ]; then dirs+=("${dumpdir}/raw/${set}"); fi
    done
    if "${dry_run}" || [ "${#dirs[@]}" -eq 0 ]; then return 0; fi
    "${python}" -m toolkit.bin.known_speakers "$1" "$2" --sets "${dirs[@]}" || exit 1
}
