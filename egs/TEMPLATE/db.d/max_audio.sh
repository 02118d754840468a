# shellcheck shell=bash disable=SC2034
MAX_AUDIO=${CORPORA}/MAX-Audio-Classifier
