#!/usr/bin/env bash
# Speech recognition on 100 hours of LibriSpeech: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./asr.sh \
    --train_set train --valid_sets "dev_clean dev_other" --test_sets "test_clean test_other" \
    --nbpe 5000 --asr_config conf/train_conformer.yaml \
    "$@"
