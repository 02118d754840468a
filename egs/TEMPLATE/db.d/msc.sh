# shellcheck shell=bash disable=SC2034
MSC=${CORPORA}/msc # holds speech.tsv and the audio that it names
