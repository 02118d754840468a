#!/usr/bin/env bash
# Make a new recipe: links to the shared scripts, copies of what a recipe owns.
set -euo pipefail

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    cat >&2 <<'EOF'
Usage: egs/TEMPLATE/setup.sh egs/<dataset>/<task>      (task: sv, se, tse, ee, asr, ic or ssl)
Makes the folder with links to the task script, path.sh, cmd.sh, db.sh, steps, conf/slurm.conf and utils, and copies
of run.sh, conf/ and local/ to edit. Files that are there already are kept.
e.g.: egs/TEMPLATE/setup.sh egs/mine/sv
EOF
    exit 1
fi

template=$(cd "$(dirname "$0")" && pwd)
target=${1%/}
task=$(basename "${target}")
if [ ! -f "${template}/${task}/${task}.sh" ]; then
    known=$(cd "${template}" && for one in */; do [ ! -f "${one}${one%/}.sh" ] || echo "${one%/}"; done | paste -sd ' ')
    echo "error: setup.sh: unknown task ${task}; egs/<dataset>/<task> must end in one of: ${known}" >&2
    exit 1
fi
top=$(cd "$(dirname "$(dirname "${target}")")/.." 2>/dev/null && pwd) || true
if [ "${top}" != "$(cd "${template}/../.." && pwd)" ]; then
    echo "error: setup.sh: ${target} is not of the form egs/<dataset>/<task> in this checkout" >&2
    exit 1
fi
mkdir -p "${target}/conf" "${target}/local"
for shared in path.sh cmd.sh db.sh steps; do
    ln -sfn "../../TEMPLATE/${shared}" "${target}/${shared}"
done
ln -sfn "../../TEMPLATE/${task}/${task}.sh" "${target}/${task}.sh"
ln -sfn ../../../utils "${target}/utils"
[ -f "${target}/conf/slurm.conf" ] || ln -sfn ../../../TEMPLATE/conf/slurm.conf "${target}/conf/slurm.conf"
for own in run.sh conf local; do
    # -n: what a recipe already owns is never overwritten. -L: what it owns is not a link to what recipes share.
    cp -rnL "${template}/${task}/${own}" "${target}/"
done
case ${task} in # a network that a CPU trains; egs/TEMPLATE/README.md has the same table
    sv) small='--sv_args "--model.init_args.channels 96 --model.init_args.mfa_channels 288 --trainer.epochs 15" --sv_tag cpu' ;;
    se) small='--se_config ../../speechocean762/se/conf/train_convtasnet.yaml' ;;
    tse) small='--fs 16000 --tse_config ../../speechocean762/tse/conf/train_sefpnet.yaml' ;;
    asr) small='--asr_config ../../open/asr/conf/train_conformer.yaml' ;;
    *) small='' ;;
esac
cat <<EOF
${target} is made. From a folder of audio by speaker, and one of noise, to a table of results:
  cd ${target} && ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"
${small:+Without a GPU, add ${small}
}Another corpus: edit local/data.sh; its folder is a line of egs/TEMPLATE/db.d/<corpus>.sh. Sets and configs: run.sh, conf/.
EOF
