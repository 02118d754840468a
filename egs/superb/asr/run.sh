#!/usr/bin/env bash
# SUPERB's probe of speech recognition on LibriSpeech's train-clean-100: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=egs/superb/probe.sh
. ../probe.sh
probe asr "$@"

exec ./asr.sh \
    --train_set train --valid_sets dev_clean --test_sets test_clean \
    --token_type char --inference_args "--method ctc_greedy" \
    "${probe[@]}" "${others[@]}"
