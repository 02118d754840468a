#!/usr/bin/env bash
# Stage 1 for your own corpus: folders of audio -> data/{train,valid,test,noise_train,noise_test}.
# ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"; all options: local/data.sh --help
# shellcheck disable=SC1091  # sourced files are links in the recipe
set -euo pipefail

. ./path.sh
python3 -m toolkit.bin.prepare_folder --need_noise "$@"
