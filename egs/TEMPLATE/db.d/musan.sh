# shellcheck shell=bash disable=SC2034
MUSAN=${CORPORA}/musan
