# Options that the probes have beside those of their task script. Sourced by their run.sh. They are
#   --ssl wavlm_base_plus    self-supervised model, a torchaudio pipeline in lower case: hubert_base, wav2vec2_large, ...
#   --ssl_weights FILE       its weights, instead of a download
#   --noise_robust false     train on noisy speech, -3 to 20 dB; the set of noises is noise_train
# shellcheck shell=bash disable=SC1091

# probe TASK ARGS...: fetch the model; ${probe[@]}: config, options and name of the experiment; ${others[@]}: the other ARGS
probe() {
    local task=$1 ssl=wavlm_base_plus weights='' noise_robust=false dim_file args
    shift
    others=()
    while [ $# -gt 0 ]; do
        case $1 in
            --ssl | --ssl_weights | --noise_robust)
                [ $# -gt 1 ] || { echo "error: option $1 needs a value" >&2 && exit 1; } ;;&
            --ssl) ssl=$2 && shift ;;
            --ssl_weights) weights=$(realpath -m "$2") && shift ;;
            --noise_robust) noise_robust=$2 && shift ;;
            --help | -h) sed -n 's/^#   /  /p' ../probe.sh && others+=("$1") ;;
            *) others+=("$1") ;;
        esac
        shift
    done
    probe=()
    if [[ " ${others[*]} " =~ " "(--help|-h)" " ]]; then return; fi
    case ${noise_robust} in
        true) probe=("--${task}_config" conf/probe_wavlm_base_plus_noise_robust.yaml --extra_sets noise_train) ;;
        false) probe=("--${task}_config" conf/probe_wavlm_base_plus.yaml) ;;
        *) echo "error: option --noise_robust takes true or false, got '${noise_robust}'" >&2 && exit 1 ;;
    esac
    dim_file=exp/.ssl_${ssl//\//_}
    if [ ! -s "${dim_file}" ] || [ -n "${weights}" ]; then
        . ./path.sh
        mkdir -p exp
        python3 -m toolkit.bin.ssl_model "${ssl}" ${weights:+--weights "${weights}"} >"${dim_file}.tmp" || { rm -f "${dim_file}.tmp" && exit 1; }
        mv "${dim_file}.tmp" "${dim_file}"
    fi
    args="--frontend.init_args.ssl.init_args.name ${ssl} --model.init_args.n_mels $(<"${dim_file}")"
    args+=${weights:+" --frontend.init_args.ssl.init_args.weights ${weights}"}
    probe+=("--${task}_tag" "probe_${ssl}$(! "${noise_robust}" || echo _noise_robust)" "--${task}_args" "${args}")
}
