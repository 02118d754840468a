# Data stages of all tasks: preparation, formats, plans. Sourced by the task scripts, whose options are its variables.
# shellcheck shell=bash disable=SC2046,SC2086,SC2154

# read_words TEXT: words=(...) of a text in which quotes join words, as in the shell; nothing in it is run.
read_words() {
    mapfile -d '' words < <("${python}" -c '
import shlex, sys
try:
    print(*shlex.split(sys.argv[1]), sep="\0", end="\0" if sys.argv[1].strip() else "")
except ValueError as error:
    sys.exit(f"error: --local_data_opts {sys.argv[1]}: {error}; close it, or put a backslash before it")' "$1"; printf '%s\0' "$?")
    local status=${words[-1]}
    unset "words[-1]"
    [ "${status}" -eq 0 ] || exit 1
}

# prepare_data: stage 1; local/data.sh, which plans mixtures, has fs and dumpdir in its environment. Notes the tables that
# it writes, so that stage 2 may run the commands in them.
prepare_data() {
    if "${dry_run}"; then
        note "local/data.sh ${local_data_opts}"
        return
    fi
    mkdir -p data
    if ! [ -f data/.stage_1 ]; then # one that was killed counts too
        touch data/.stage_1
        sleep 0.02 # clocks of file systems tick slowly
    fi
    local words=()
    read_words "${local_data_opts}"
    fs=${fs} dumpdir=${dumpdir} local/data.sh "${words[@]}"
    find data/ -mindepth 2 -maxdepth 2 -name wav.scp -cnewer data/.stage_1 -exec sha256sum {} + >>data/.made
    rm -f data/.stage_1
}

# pipes_of SETS: --allow_pipes, where local/data.sh has written all commands in the sets' tables.
pipes_of() {
    local set option=''
    for set in $1; do
        if grep -qs '|[[:space:]]*$' "data/${set}/wav.scp"; then
            grep -qsxF "$(sha256sum "data/${set}/wav.scp")" data/.made || return 0
            option=--allow_pipes
        fi
    done
    echo "${option}"
}

validate() { # validate SET [options]: data/SET; missing recordings are left to stage 2 where some may be bad
    local without=()
    [ "${allow_bad}" -eq 0 ] || without=(--no-wav-check)
    act utils/validate_data_dir.sh --no-feats --no-text "${without[@]}" "${@:2}" "data/$1"
}

format_sets() { # format_sets SETS [options of format.sh]
    [ -z "${1// /}" ] || "${steps}/format.sh" "${data_step[@]}" --fs "${fs}" --channel "${channel}" --allow_bad "${allow_bad}" \
        "${@:2}" --opts "$(pipes_of "$1") ${format_opts}" data "${dumpdir}/raw" $1
}

format_all() { # format_all SPEECH_SETS: stage 2
    format_sets "${extra_sets}" --trim_zeros true
    # Published mixtures are of all their samples and resampled so; a mixture is rounded once.
    format_sets "${source_sets}" --resampler polyphase --bits 24
    format_sets "${room_sets}" --min_seconds 0.001
    format_sets "$1" --min_seconds "${min_wav_duration}" --max_seconds "${max_wav_duration}"
}

known_sets() { # what planner configs may name, as a list
    as_list "$(printf ' %s' "${train_set}" "${valid_sets}" "${test_sets}" "${extra_sets}" "${source_sets}" "${room_sets}" | tr -s ' ')"
}

check_plan() { # check_plan REMEDY CONFIG [options]: before any work, its keys and what it names
    later "$1" simulate_plan --config "$2" --data "${dumpdir}/raw/${train_set}" --out_root data --name check --check \
        "${@:3}" --known_sets "$(known_sets)"
}

check_grid() { # check_grid CONFIG
    check_plan "--test_noises ${test_noises} --ood_noises ${ood_noises} --snrs ${snrs}: the kinds are those of $1" "$1" \
        --snrs "$(as_list "${snrs}")" --kinds "$(as_list "${test_noises} ${ood_noises}")"
}

plan() { # plan CONFIG SET NAME [options]: data/<name>*/mix.jsonl, when the queue runs
    if "${dry_run}"; then
        note "plan: data/$3"
    else
        later "" simulate_plan ${1:+--config "$1"} --data "${dumpdir}/raw/$2" --out_root data --name "$3" "${@:4}"
    fi
}

plan_grid() { # plan_grid CONFIG SET [options]: one set of each noise and SNR
    plan "$1" "$2" "$2" --snrs "$(as_list "${snrs}")" --kinds "$(as_list "${test_noises} ${ood_noises}")" "${@:3}"
}

make_plans() { # make_plans SETS: run the queue of plans, which make these sets, unless that was done
    run_queue data/.plans --deps $(compgen -G "${dumpdir}/raw/*/.done.format"; compgen -G "${dumpdir}/raw/${enroll_from:-none}/.done.*") \
        --outputs $(printf 'data/%s ' $1)
}

render() { # render SETS [--streams "STREAM ..."]: data/<set>/mix.jsonl -> dump/raw/<set>
    # In a dry run no plan is made, and new recordings make new ones.
    if "${dry_run}" && [ -s "${VOXSIFT_REMADE}" ]; then remade $(printf 'data/%s ' $1); fi
    "${steps}/simulate.sh" "${data_step[@]}" "${@:2}" data "${dumpdir}/raw" $1
}

marks_of_sounds() { # of the sets that training may draw on: those of options, and those that its config names
    local set named
    named=$(tr -sc 'A-Za-z0-9_.-' ' ' <<<"$(cat "${train_config}") ${train_args}")
    for set in $(printf '%s\n' ${extra_sets} ${source_sets} ${room_sets} ${named} | LC_ALL=C sort -u); do
        compgen -G "${dumpdir}/raw/${set}/.done.*" || true
    done
}

grid_of() { # grid_of SETS: names of their noisy copies
    local set kind snr
    for set in $1; do
        for kind in ${test_noises} ${ood_noises}; do
            for snr in ${snrs}; do printf ' %s' "${set}_${kind}_${snr}"; done
        done
    done
}
