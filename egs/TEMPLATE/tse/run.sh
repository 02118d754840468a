#!/usr/bin/env bash
# Target speaker extraction on your own corpus: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"
set -euo pipefail
cd "$(dirname "$0")"

# With a folder of noise, in this command or when stage 1 ran last, mixtures have noise besides the second talker.
config=train_sefpnet tests=conf/simulate_2talker.yaml sounds=''
if [[ "$*" == *"--noise"* ]] || { [[ "$*" != *--speech* ]] && [ -d data/noise_train ]; }; then
    config+=_noise tests+=" conf/simulate_2talker_noise.yaml" sounds="noise_train noise_test"
fi

exec ./tse.sh \
    --train_set train --valid_sets valid --test_sets test --extra_sets "${sounds}" \
    --simulate_valid_config conf/simulate_valid.yaml --simulate_test_configs "${tests}" \
    --tse_config "conf/${config}.yaml" \
    "$@"
