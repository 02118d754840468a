#!/usr/bin/env bash
# Speaker verification on VoxCeleb1 in MUSAN noise: sets and configs. All options: ./run.sh --help
set -euo pipefail
cd "$(dirname "$0")"

exec ./sv.sh \
    --train_set train --valid_sets valid --test_sets voxceleb1_o \
    --extra_sets "noise_train noise_test music_train music_test babble_train babble_test nonspeech_test" \
    --max_wav_duration 150 \
    --simulate_valid_config conf/simulate_valid.yaml \
    --simulate_test_config conf/simulate_test.yaml \
    --test_noises "babble music noise" --ood_noises nonspeech \
    --sv_config conf/train_ecapa.yaml \
    --calibrate false \
    "$@"
