#!/usr/bin/env bash
# What the links in this folder point at: runs the script of the same name in utils/. Kaldi keeps these scripts in
# utils/data/, and recipes that were written for it call them there.
exec "$(cd "$(dirname "$0")/.." && pwd)/${0##*/}" "$@"
