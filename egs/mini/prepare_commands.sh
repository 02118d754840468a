# Stage 1 of the mini recipes with spoken commands: sentences and commands (made on the spot, once) -> data/; of each test
# speaker four of either. Sourced by their local/data.sh. Options: those of toolkit.bin.make_minicorpus, e.g. --workers 4,
# or --train_speakers 8 --utterances 6 for a tinier one.
# shellcheck shell=bash disable=SC1091,SC2154
. ./db.sh
if [[ " $* " == *" --help "* ]]; then exec python3 -m toolkit.bin.make_minicorpus --help; fi
corpus=${MINI}_commands # beside that of the other tasks, which has no commands
python3 -m toolkit.bin.make_minicorpus --outdir "${corpus}" --utterances 10 --commands 10 --pieces 1 --rooms 1 "$@"
python3 -m toolkit.bin.prepare_minicorpus --corpus "${corpus}" --outdir data
for set in dev commands_dev test commands_test; do
    utils/subset_data_dir.sh --per-spk "data/${set}" 4 "data/${set}4"
done
utils/combine_data.sh data/train_both data/train data/commands_train
utils/combine_data.sh data/dev_both data/dev4 data/commands_dev4
