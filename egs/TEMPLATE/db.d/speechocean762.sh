# shellcheck shell=bash disable=SC2034
SPEECHOCEAN762=${CORPORA}/speechocean762
