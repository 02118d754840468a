# Clean speech of mixtures, each of its recordings once, though sets of several SNRs hold it. Sourced by the steps and se.sh.

distinct_audio() { # distinct_audio RAW OUTPUT SET...: data dir OUTPUT/distinct of the streams spk1, tables of its ids
    if "${dry_run}"; then return 0; fi
    once "$2/.done" "clean audio" "$(printf "$1/%s " "${@:3}")" "" "" \
        "${python}" -m toolkit.bin.distinct_audio --data_root "$1" --sets "${@:3}" --stream spk1 --output "$2"
}

# spread LABELS AUDIO TABLE SET...: the table LABELS/distinct/TABLE as that of each set, by the ids that distinct_audio wrote
spread() {
    local set mark
    if "${dry_run}"; then return 0; fi
    mark=$(basename "$(compgen -G "$1/distinct/.done.*" | head -n 1)")
    for set in "${@:4}"; do
        if cmp -s "$1/distinct/${mark}" "$1/${set}/${mark}"; then continue; fi
        mkdir -p "$1/${set}"
        rm -f "$1/${set}/${mark}"
        awk 'NR == FNR { key = $1; $1 = ""; at[key] = $0; next } { print $1 at[$2] }' "$1/distinct/$3" \
            "$2/${set}/utt2distinct" >"$1/${set}/$3"
        cp "$1/distinct/${mark}" "$1/${set}/${mark}"
    done
}
