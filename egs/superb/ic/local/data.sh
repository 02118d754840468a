#!/usr/bin/env bash
# Stage 1: synthetic commands (made on the spot, once) -> data/. Arguments go to egs/mini/ic/local/data.sh (--help).
set -euo pipefail

exec ../../mini/ic/local/data.sh "$@"
