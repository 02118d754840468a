# shellcheck shell=bash disable=SC2034
NONSPEECH100=${CORPORA}/Nonspeech # n1.wav ... n100.wav
