#!/usr/bin/env bash
# Checks a data dir: every file by itself, then the files against each other. Changes nothing.
# Single-quoted $1, $2 are fields in awk's conditions:
# shellcheck disable=SC2016

set -euo pipefail
export LC_ALL=C

help_message="Usage: $0 [--no-feats] [--no-text] [--no-wav] [--no-wav-check] [--no-spk-sort]
           [--non-print] [--require-streams \"spk1 noise1 ...\"] <data-dir>
 e.g.: $0 --no-feats data/train
       $0 --no-feats --no-text --require-streams \"spk1 enroll_spk1\" dump/raw/train_sim

Names every file and line or id that breaks the rules of a data dir and exits 1; fix_data_dir.sh fixes most of it.
Files and arks that wav.scp names must be there; what is in them is not looked at, and commands are not run.
  --no-feats, --no-text, --no-wav  feats.scp, text, wav.scp may be missing (what is there is checked all the same)
  --no-wav-check                   what wav.scp names need not be there (yet, or on this machine)
  --no-spk-sort                    utt2spk need not be sorted by speaker as well
  --non-print                      text may hold characters that cannot be printed
  --require-streams                streams that a mixture set must have: spk<N>, noise<N>, dereverb<N>, enroll_spk<N>"

# shellcheck source=utils/data_dir_lib.sh
. "$(dirname "$0")/data_dir_lib.sh"

required=(utt2spk spk2utt wav.scp text feats.scp)
streams=()
wav_check=true
spk_sort=true
non_print=false
while [[ ${1:-} == -* ]]; do
    case $1 in
        --no-feats) required=("${required[@]/feats.scp/}") ;;
        --no-text) required=("${required[@]/text/}") ;;
        --no-wav) required=("${required[@]/wav.scp/}") ;;
        --no-wav-check) wav_check=false ;;
        --no-spk-sort) spk_sort=false ;;
        --non-print) non_print=true ;;
        --require-streams | --require_streams)
            read -r -a streams <<<"${2:-}"
            [[ "${streams[*]-}" =~ ^(((enroll_)?spk|noise|dereverb)[1-9][0-9]*( |$))+$ ]] ||
                die "$1 '${2:-}': expected names of streams: spk1, noise1, dereverb1, enroll_spk1, ..."
            shift
            ;;
        --help) usage_exit 0 ;;
        *)
            echo "${0##*/}: error: unknown option $1" >&2
            usage_exit 1
            ;;
    esac
    shift
done
[ $# -eq 1 ] || usage_exit 1
dir=${1%/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/broken"

# Collects messages from standard input, the first ten of every check.
complain() {
    awk 'NR <= 10 { print } END { if (NR > 10) print "  ... and " NR - 10 " more of this kind" }' >>"$work/errors"
}

stop_on_errors() {
    [ -s "$work/errors" ] || return 0
    awk -v program="${0##*/}: error: " '{ print program $0 }' "$work/errors" | tables show_lines >&2
    if [ -s "$work/broken" ]; then say "tables with malformed lines were not compared with others; fix those first" >&2; fi
    say "$(dirname "$0")/fix_data_dir.sh $dir sorts tables, drops malformed lines, duplicates and ids that others lack" >&2
    exit 1
}

# each_line FILE CONDITION RULE: complains of lines for which the awk condition does not hold; not of malformed ones,
# which check_table has named.
each_line() {
    [ -f "$1" ] || return 0
    awk -v broken="$work/broken" "
        BEGIN { while ((getline line <broken) > 0) known[line] }
        !($2) && !((FILENAME \":\" FNR) in known) { print FILENAME \":\" FNR \": $3, got: \" \$0 }" "$1" | complain
}

# comparable NAME...: whether all these tables are there and without malformed lines.
comparable() {
    local name
    for name; do
        [ -f "$dir/$name" ] || return 1
        awk -v file="$dir/$name:" 'index($0, file) == 1 { found = 1 } END { exit found }' "$work/broken" || return 1
    done
}

check_text() {
    NON_PRINT=$non_print perl -ne '
        chomp;
        my $where = "$ARGV:$.:";
        if (!utf8::decode($_)) { print "$where is not UTF-8\n"; }
        elsif (/[^\S \t]/)     { printf "%s holds the unusual blank U+%04X\n", $where, ord $&; }
        elsif ($ENV{NON_PRINT} eq "false" && /[^[:print:]\t]/) {
            printf "%s holds the unprintable character U+%04X (allow such with --non-print)\n", $where, ord $&;
        }' "$1" | complain
    each_line "$1" '$0 !~ /[ \t](<s>|<\/s>|#0)([ \t]|$)/' 'holds one of the reserved words <s> </s> #0'
}

# same_keys FILE KEYS OWNER [NAME]: complains of ids that stand in FILE (called NAME) but not in the list KEYS (which is
# of OWNER), or the other way round.
same_keys() {
    comm -3 "$2" <(column 1 "$1" | sort -u) >"$work/odd"
    awk -v file="${4:-$1}" -v owner="$3" '
        sub(/^\t/, "") { print file ": id " $0 " is not in " owner; next }
        { print file ": id " $0 " of " owner " is missing" }' "$work/odd" | complain
    tables look_alikes <"$work/odd" | awk -v file="${4:-$1}" '{ print file ": id " $0 }' | complain
}

check_each_file() {
    local name paths
    mapfile -t paths < <(all_tables "$dir" | awk -v dir="$dir/" '{ print dir $0 }')
    [ ${#paths[@]} -eq 0 ] || tables check_tables "$work/broken" 1 0 "${paths[@]}" >>"$work/errors"
    for name in $(all_tables "$dir"); do
        case $name in *.scp) each_line "$dir/$name" '$0 !~ /[ \t]~/' "~ is not expanded in a path" ;; esac
    done
    if [ -f "$dir/text" ]; then check_text "$dir/text"; fi
}

# check_recordings: the files and arks of wav.scp are there; commands are not run, and offsets not looked at.
check_recordings() {
    if ! $wav_check || [ ! -f "$dir/wav.scp" ]; then return 0; fi
    perl -MCwd -ne '
        next if !/^\s*(\S+)\s+(.*?\S)\s*$/;
        my ($id, $path) = ($1, $2);
        next if $path =~ /\|$|^~/;
        $count++;
        $path =~ s/:\d+$// if !-e $path;
        my $fault = $seen{$path} //= -d $path ? "is a folder" : -e _ ? "" : "no such file";
        push @faults, "$ARGV:$.: id $id: $path: $fault\n" if $fault;
        END {
            my $more = @faults - 5;
            print "$ARGV: ", scalar(@faults), " of $count recordings are not there; fix the paths (they begin at ", getcwd(),
                ") or the corpus path in db.sh, or waive this with --no-wav-check\n", @faults[0 .. ($more > 0 ? 4 : $#faults)],
                $more > 0 ? "  ... and $more more recordings that are not there\n" : "" if @faults;
        }' "$dir/wav.scp" | complain
}

# stream_remedy STREAM: how one comes by it.
stream_remedy() {
    case $1 in
        enroll_*) echo "its lines are: utterance file, or for training: utterance *utterance speaker" ;;
        *) echo "stage 2 of the recipe renders it: python -m toolkit.bin.simulate_render --streams wav $1" ;;
    esac
}

# check_streams: the streams of a mixture set that are wanted, their numbers, and that enrolments can be had.
check_streams() {
    local name kind n
    for name in ${streams[@]+"${streams[@]}"}; do
        [ -f "$dir/$name.scp" ] || echo "$dir/$name.scp: no such stream; $(stream_remedy "$name")" | complain
    done
    for name in $(files_like "$dir" '(spk|noise)[0-9]+\.scp'); do
        kind=${name%%[0-9]*}
        n=${name//[!0-9]/}
        [ "$n" = 1 ] || [ -f "$dir/$kind$((10#$n - 1)).scp" ] ||
            echo "$dir/$name: $kind$((10#$n - 1)).scp not found; streams are numbered from 1, without gaps" | complain
    done
    local sound='[.](wav|flac|opus|ogg|mp3|aiff|aif|au|w64|sph)$'
    for name in $(files_like "$dir" "$ENROLMENTS"); do
        n=${name//[!0-9]/}
        [ -f "$dir/spk$n.scp" ] ||
            echo "$dir/$name: spk$n.scp not found, the speech to extract; $(stream_remedy "spk$n")" | complain
        each_line "$dir/$name" "\$2 ~ /^[*]/ || tolower(\$0) ~ /$sound/ || /([.]npy|:[0-9]+|[|])[ \t]*$/" \
            'expected an audio file, file.ark:offset, an embedding (.npy), or *UTT SPEAKER'
        if ! comparable utt2spk "$name"; then continue; fi
        undrawable "$dir/utt2spk" "$dir/$name" "$dir" |
            awk -v file="$dir/$name" '{ id = $1; sub(/^[^ ]+ /, ""); print file ": id " id ": " $0 }' | complain
    done
}

# check_plan: the mixtures of a plan are the utterances.
check_plan() {
    [ -f "$dir/mix.jsonl" ] || return 0
    plan_table "$dir/mix.jsonl" >"$work/plan" 2>"$work/bad" || true
    complain <"$work/bad"
    awk -v file="$dir/mix.jsonl" 'seen[$1]++ == 1 { print file ": duplicate id " $1 }' "$work/plan" | complain
    sort -u -k1,1 "$work/plan" >"$work/mix.jsonl"
    comparable utt2spk || return 0
    same_keys "$work/mix.jsonl" "$work/keys_of_utt2spk" utt2spk "$dir/mix.jsonl"
}

check_speakers() {
    comparable utt2spk || return 0
    if $spk_sort; then
        awk 'NR > 1 && $2 "" < last {
                print FILENAME ":" FNR ": not sorted by speaker: " $2 " after " last \
                    " (begin utterance ids with the speaker id and a -, or waive it with --no-spk-sort)"
            }
            { last = $2 "" }' "$dir/utt2spk" | complain
    fi
    comparable spk2utt || return 0
    comm -3 <(awk '{ print $1, $2 }' "$dir/utt2spk" | sort) <("$(dirname "$0")/spk2utt_to_utt2spk.pl" "$dir/spk2utt" | sort) |
        awk -v dir="$dir" '{ print dir "/spk2utt: does not agree with utt2spk about utterance " $1 }' | uniq | complain
}

# compare KEYS OWNER NAME...: same_keys of these tables, where both sides can be compared.
compare() {
    local keys=$1 owner=$2 name
    shift 2
    comparable "$owner" || return 0
    for name; do
        if comparable "$name"; then same_keys "$dir/$name" "$keys" "$owner"; fi
    done
}

check_key_sets() {
    local name
    for name in utt2spk spk2utt; do
        if [ -f "$dir/$name" ]; then column 1 "$dir/$name" | sort -u >"$work/keys_of_$name"; fi
    done
    # shellcheck disable=SC2046  # names of tables have no blanks
    compare "$work/keys_of_utt2spk" utt2spk $(tables_of "$dir" utt) $(files_like "$dir" segments)
    # shellcheck disable=SC2046
    compare "$work/keys_of_spk2utt" spk2utt $(tables_of "$dir" spk)
    if [ -f "$dir/segments" ]; then
        column 2 "$dir/segments" | sort -u >"$work/recos"
        # shellcheck disable=SC2046
        compare "$work/recos" segments $(tables_of "$dir" reco)
    fi
}

[ -d "$dir" ] || die "$dir: no such data dir"
for name in "${required[@]}"; do
    if [ -n "$name" ] && [ ! -f "$dir/$name" ]; then
        remedy="utils/fix_data_dir.sh makes it"
        case $name in
            utt2spk) remedy="its lines are: utterance speaker" ;;
            wav.scp | text | feats.scp) remedy="--no-${name%.scp} waives it" ;;
        esac
        echo "$dir/$name: no such file; $remedy" | complain
    fi
done
check_each_file
check_recordings
check_speakers
check_key_sets
check_streams
check_plan
stop_on_errors
if [ "$(wc -l <"$dir/spk2utt")" -eq 1 ]; then
    warn "$dir has only one speaker: $(column 1 "$dir/spk2utt")"
fi
say "$dir is a valid data dir: $(wc -l <"$dir/utt2spk") utterances, $(wc -l <"$dir/spk2utt") speakers"
