# shellcheck shell=bash disable=SC2034
NOISEKUN=${CORPORA}/Noisekun
