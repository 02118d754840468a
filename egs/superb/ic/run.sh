#!/usr/bin/env bash
# SUPERB's probe of intent classification on the mini corpus' commands: sets and configs. All options: ./run.sh --help
# Your own orders: write data/<set> with utt2intent, then ./run.sh --stage 2 --train_set <set> --valid_sets <set> --test_sets <set>
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=egs/superb/probe.sh
. ../probe.sh
probe ic "$@"

exec ./ic.sh \
    --train_set commands_train --valid_sets commands_dev4 --test_sets commands_test4 \
    "${probe[@]}" "${others[@]}"
