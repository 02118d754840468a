#!/usr/bin/env bash
# Benchmarks against peers, in tools/venv-bench; writes test/benchmark/RESULTS.md.
#   ci/benchmark.sh [--strict]          all of them, under ten minutes on 2 cores; --strict: a missed target is exit 1
#   ci/benchmark.sh --only fbank flac   some, without writing the table
set -euo pipefail
cd "$(dirname "$0")/.."

# The torch that the torchcodec of "bench" is compiled for.
tools/install.sh --venv tools/venv-bench --torch 2.11.0 --extras "bench dev"
export VIRTUAL_ENV="${PWD}/tools/venv-bench"
export PATH="${VIRTUAL_ENV}/bin:${PATH}"
# torchaudio.load decodes by ffmpeg's libraries.
if ! ldconfig -p | grep -q libavcodec && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends ffmpeg; } >/dev/null 2>&1 || true
fi

options=("$@")
[[ " $* " == *" --only "* ]] || options+=(--out benchmark/RESULTS.md)
cd test
exec python -m benchmark --command "ci/benchmark.sh${*:+ $*}" "${options[@]}"
