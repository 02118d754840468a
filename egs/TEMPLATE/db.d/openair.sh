# shellcheck shell=bash disable=SC2034
OPENAIR=${CORPORA}/OpenAIR
