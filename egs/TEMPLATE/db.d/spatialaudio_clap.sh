# shellcheck shell=bash disable=SC2034
SPATIALAUDIO_CLAP=${CORPORA}/spatialaudio-clap
