#!/usr/bin/env bash
# Target speaker extraction on speechocean762, two talkers, with and without real noise. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./tse.sh --fs 16000 \
    --train_set train --valid_sets dev --test_sets test4 \
    --extra_sets "noise_train noise_dev noise_test" \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_configs "conf/simulate_2talker.yaml conf/simulate_2talker_noise.yaml" \
    --metrics "si_sdr pesq_nb pesq_wb stoi estoi tsos" \
    --tse_config conf/train_lgr.yaml --extractor_config ../sv/conf/ge2e.yaml \
    "$@"
