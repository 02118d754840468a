# shellcheck shell=bash disable=SC2034
ALPHANUMERIC=${CORPORA}/alphanumeric-audio-dataset # holds audio_data/<kind of text>/<speaker>
