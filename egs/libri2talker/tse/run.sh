#!/usr/bin/env bash
# Target speaker extraction on Libri-2talker at 16 kHz: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

# Sources keep 24 bits and are resampled as the authors of Libri2Mix do it, so mixtures have its samples.
exec ./tse.sh \
    --fs 16000 --train_set train --valid_sets dev --test_sets test \
    --source_sets "librispeech_train librispeech_test" --format_opts "--resampler polyphase --bits 24" \
    --train_streams "wav spk1 enroll_spk1" \
    --metrics "si_sdr sdr pesq_nb pesq_wb stoi estoi tsos" \
    --tse_config conf/train_lgr.yaml \
    "$@"
