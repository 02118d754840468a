# shellcheck shell=bash disable=SC2034
RIRS_NOISES=${CORPORA}/RIRS_NOISES
