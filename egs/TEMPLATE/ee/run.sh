#!/usr/bin/env bash
# Enhancement of speaker embeddings on your own corpus: sets and configs. All options: ./run.sh --help
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"; of your own extractor: --sv_exp /my/verifier/packed.zip
set -euo pipefail
cd "$(dirname "$0")"

exec ./ee.sh \
    --train_set train --valid_sets valid --test_sets test \
    --extra_sets "noise_train noise_test" \
    --simulate_test_config conf/simulate_test.yaml --test_noises noise --snrs "0 10 20" \
    --extractor_config conf/ge2e.yaml --ee_config conf/train_seed.yaml \
    "$@"
