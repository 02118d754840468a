#!/usr/bin/env bash
# Target speaker extraction on Libri-2talker at 16 kHz: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./tse.sh \
    --fs 16000 --train_set train --valid_sets dev --test_sets test \
    --source_sets "librispeech_train librispeech_test" \
    --train_streams "wav spk1 enroll_spk1" \
    --metrics "si_sdr sdr pesq_nb pesq_wb stoi estoi tsos" \
    --tse_config conf/train_lgr.yaml \
    "$@"
