# shellcheck shell=bash disable=SC2034
LIBRILIGHT=${CORPORA}/librilight # holds small/<speaker>/<book>/*.flac, or is small itself
