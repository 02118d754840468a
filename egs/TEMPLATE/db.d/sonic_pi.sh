# shellcheck shell=bash disable=SC2034
SONIC_PI=${CORPORA}/sonic-pi
