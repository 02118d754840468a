#!/usr/bin/env bash
# Target speaker extraction on a CPU, trained on all open speech and noise. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./tse.sh --fs 16000 \
    --train_set train --valid_sets dev4 --test_sets test4 \
    --extra_sets "noise_train noise_dev noise_test" \
    --planned_test_sets test_libri2mix --source_sets librispeech_test_libri2mix \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_configs "conf/simulate_2talker.yaml conf/simulate_2talker_noise.yaml" \
    --metrics "si_sdr pesq_nb pesq_wb stoi estoi tsos" \
    --tse_config conf/train_lgr.yaml --extractor_config conf/ge2e.yaml \
    "$@"
