# shellcheck shell=bash disable=SC2034
MINI=downloads/mini # made on the spot by egs/mini
