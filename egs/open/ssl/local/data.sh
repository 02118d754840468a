#!/usr/bin/env bash
# Stage 1: open speech in pieces of 3 s, and noises -> data/, as for enhancement. Arguments go to prepare_data.py (--help).
set -euo pipefail

exec ../se/local/data.sh "$@"
