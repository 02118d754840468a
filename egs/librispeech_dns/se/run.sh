#!/usr/bin/env bash
# Speech enhancement on LibriSpeech in noise of the DNS challenge, as in SSL-MSE. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./se.sh \
    --train_set train --valid_sets valid --test_sets test \
    --extra_sets "noise_train noise_valid noise_test" \
    --simulate_train_config conf/simulate_train.yaml \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_configs conf/simulate_dns.yaml \
    --se_config conf/train_convtasnet_snr.yaml \
    "$@"
