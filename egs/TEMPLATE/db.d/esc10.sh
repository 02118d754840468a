# shellcheck shell=bash disable=SC2034
ESC10=${CORPORA}/ESC-10
