# shellcheck shell=bash disable=SC2034
WHAM_NOISE=${CORPORA}/wham_noise
