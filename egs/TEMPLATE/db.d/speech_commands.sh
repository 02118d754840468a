# shellcheck shell=bash disable=SC2034
SPEECH_COMMANDS=${CORPORA}/speech_commands_test_set_v0.02
