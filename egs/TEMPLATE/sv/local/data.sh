#!/usr/bin/env bash
# Stage 1 for your own corpus: a folder of audio by speaker, a folder of noise -> data/{train,valid,test,noise_*}.
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
python3 -m toolkit.bin.prepare_folder "$@"
python3 -m toolkit.bin.make_trials data/valid data/test
