# shellcheck shell=bash disable=SC2034
LIBROSA_DATA=${CORPORA}/librosa-data
