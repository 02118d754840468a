#!/usr/bin/env bash
# Enhancement of speaker embeddings (SEED), tested on VoxCeleb1, VC-Mix and VoxSRC23: sets and configs. It needs --sv_exp,
# an experiment or packed.zip of verification. All options: ./run.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail
cd "$(dirname "$0")"
. ./db.sh

tests="voxceleb1_o voxceleb1"
if [ -d data/vcmix ] || [ -d "${VOXCONVERSE}" ]; then tests+=" vcmix"; fi
if [ -d data/voxsrc23 ] || [ -d "${VOXSRC23}" ]; then tests+=" voxsrc23"; fi

exec ./ee.sh \
    --train_set train --valid_sets valid --test_sets "${tests}" \
    --extra_sets "noise_train noise_test music_train music_test" --room_sets rirs_simulated \
    --simulate_test_config "" \
    --ee_config conf/train_seed_resnet34.yaml --pair_draws 4 \
    --scoring neg_euclidean --num_segments 10 --segment_seconds 4.015 --spread_seeds 0 \
    "$@"
