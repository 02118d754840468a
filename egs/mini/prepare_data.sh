# Stage 1 of the mini recipes: the synthetic mini corpus (made on the spot, once for all tasks) -> data/. Sourced by their
# local/data.sh. Options: those of toolkit.bin.make_minicorpus, e.g. --workers 4, or --train_speakers 8 --utterances 6 for
# a tinier one.
# shellcheck shell=bash disable=SC1091,SC2154
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 -m toolkit.bin.make_minicorpus --help; fi
python3 -m toolkit.bin.make_minicorpus --outdir "${MINI}" "$@"
python3 -m toolkit.bin.prepare_minicorpus --corpus "${MINI}" --outdir data
