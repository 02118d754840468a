#!/usr/bin/env bash
# Speaker verification on <corpus>: sets and configs. Every option of ./sv.sh can be given here too (./run.sh --help).
set -euo pipefail
cd "$(dirname "$0")"

./sv.sh \
    --train_set train --valid_sets valid --test_sets test \
    --sv_config conf/train_ecapa.yaml \
    "$@"
