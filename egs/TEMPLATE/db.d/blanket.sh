# shellcheck shell=bash disable=SC2034
BLANKET=${CORPORA}/blanket
