# shellcheck shell=bash disable=SC2034
LIBRISPEECH=${CORPORA}/LibriSpeech # holds train-clean-100, ..., and SPEAKERS.TXT
