"""The tools for lists (filter_scp.pl, apply_map.pl, shuffle_list.pl, ...), and what all scripts keep."""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "utils"


@pytest.fixture
def table(tmp_path):
    (tmp_path / "ids").write_text("b extra\nc\n")
    (tmp_path / "in.scp").write_text("a c\nb  two  words\nc a\n")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], "b  two  words\nc a\n"),
        (["--exclude"], "a c\n"),
        (["-f", "2"], "a c\n"),
        (["--exclude", "-f", "2"], "b  two  words\nc a\n"),
        (["-f", "1"], "b  two  words\nc a\n"),
    ],
)
def test_filter(call, options, kept):
    assert call("filter_scp.pl", *options, "ids", "in.scp").stdout == kept


@pytest.mark.usefixtures("table")
def test_filter_reads_standard_input(call):
    assert call("filter_scp.pl", "ids", stdin="b 1\nx 2\n").stdout == "b 1\n"


@pytest.mark.usefixtures("table")
def test_filter_with_an_empty_list_keeps_nothing(call, tmp_path):
    (tmp_path / "ids").write_text("")
    assert call("filter_scp.pl", "ids", "in.scp").stdout == ""


@pytest.mark.usefixtures("table")
def test_filter_names_the_line_that_lacks_the_field(call):
    assert "in.scp:1: expected 3 field(s)" in call("filter_scp.pl", "-f", "3", "ids", "in.scp", code=1).stderr


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("options", [["-f", "0"], ["-f"], ["--no-such"]])
def test_filter_rejects_bad_options(call, options):
    assert "Usage" in call("filter_scp.pl", *options, "ids", "in.scp", code=1).stderr


def test_utt2spk_to_spk2utt(call):
    assert call("utt2spk_to_spk2utt.pl", stdin="2 b\n1 a\n3 b\n").stdout == "a 1\nb 2 3\n"


def test_spk2utt_to_utt2spk(call):
    assert call("spk2utt_to_utt2spk.pl", stdin="a 1\nb 2 3\n").stdout == "1 a\n2 b\n3 b\n"


@pytest.mark.parametrize("line", ["u3", "", "u3 s extra"])
def test_malformed_utt2spk_dies_with_file_and_line(call, tmp_path, line):
    (tmp_path / "utt2spk").write_text(f"u1 s\nu2 s\n{line}\n")
    assert "utt2spk:3: expected 'utterance speaker'" in call("utt2spk_to_spk2utt.pl", "utt2spk", code=1).stderr


def test_repeated_utterance_dies_with_file_and_line(call, tmp_path):
    (tmp_path / "utt2spk").write_text("u1 s\nu1 t\n")
    assert "utt2spk:2: duplicate utterance u1" in call("utt2spk_to_spk2utt.pl", "utt2spk", code=1).stderr


def test_malformed_spk2utt_dies_with_file_and_line(call, tmp_path):
    (tmp_path / "spk2utt").write_text("a 1\nb\n")
    assert (
        "spk2utt:2: expected 'speaker utterance ...', got 'b'"
        in call("spk2utt_to_utt2spk.pl", "spk2utt", code=1).stderr
    )


@pytest.fixture
def mapped(call, tmp_path):
    """``mapped(*options)``: what apply_map.pl makes of three lines with a map of three words."""
    (tmp_path / "map").write_text("a A\nb B  C\ngone\n")

    def _mapped(*options, stdin="a b a\nb\n\n"):
        return call("apply_map.pl", *options, "map", stdin=stdin).stdout

    return _mapped


FIELDS = {
    "": "A B C A\nB C\n\n",
    "-f 2": "a B C a\nb\n\n",
    "-f 2-3": "a B C A\nb\n\n",
    "-f 2-": "a B C A\nb\n\n",
    "-f -1": "A b a\nB C\n\n",
    "-f 1-99": "A B C A\nB C\n\n",
    "-f 9": "a b a\nb\n\n",
    "--permissive -f 1": "A b a\nB C\n\n",
}


@pytest.mark.parametrize("options", FIELDS)
def test_map_replaces_the_fields_of_the_range(mapped, options):
    assert mapped(*options.split()) == FIELDS[options]


def test_map_may_take_a_word_away(mapped):
    assert mapped(stdin="a gone  a") == "A A\n"


def test_map_names_an_unknown_word(call, mapped, tmp_path):
    mapped()
    message = call("apply_map.pl", "map", stdin="a\na x b\n", code=1).stderr
    assert message == "apply_map.pl: error: standard input:2: x is not in map (--permissive keeps it)\n"


def test_map_keeps_unknown_words_if_told_so_and_counts_them(call, mapped):
    mapped()
    done = call("apply_map.pl", "--permissive", "map", stdin="a x b y\n")
    assert done.stdout == "A x B C y\n"
    assert "kept 2 words that are not in map, e.g. y" in done.stderr


MAPS = {"a A\na B\n": "map:2: duplicate word a", "a A\n\n": "map:2: expected a word"}


@pytest.mark.parametrize("text", MAPS)
def test_map_must_be_one(call, tmp_path, text):
    (tmp_path / "map").write_text(text)
    assert MAPS[text] in call("apply_map.pl", "map", code=1).stderr


@pytest.mark.parametrize("option", ["0", "2-1", "-", "x", "1,2", "-0"])
def test_map_rejects_a_range_that_is_none(call, option):
    assert "Usage" in call("apply_map.pl", "-f", option, "map", code=1).stderr


def shuffled(call, count, *options):
    text = "".join(f"{i} x\n" for i in range(count))
    return [int(line.split()[0]) for line in call("shuffle_list.pl", *options, stdin=text).stdout.splitlines()]


def test_shuffle_is_a_permutation_that_the_seed_decides(call):
    orders = [shuffled(call, 30, "--srand", seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert all(sorted(order) == list(range(30)) != order for order in orders)
    assert shuffled(call, 30) == shuffled(call, 30, "--srand", 777)


# The script with every seed, in forks of one interpreter, which has started once.
SEEDS = """
my $script = shift;
for my $seed (0 .. 299) {
    my $run = fork // die;
    if (!$run) { @ARGV = ('--srand', $seed, 'list'); do $script; exit; }
    waitpid($run, 0);
}"""


def test_shuffle_is_fair(tmp_path):
    # All 6 orders of 3 lines, about equally often: 300 seeds, 50 expected of each, 5 standard deviations are 32.
    (tmp_path / "list").write_text("a\nb\nc\n")
    command = ["perl", "-I", UTILS, "-MTables", "-MCwd", "-e", SEEDS, UTILS / "shuffle_list.pl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.split()
    orders = Counter(tuple(lines[i : i + 3]) for i in range(0, len(lines), 3))
    assert (orders.total(), len(orders)) == (300, 6)
    assert all(abs(count - 50) < 32 for count in orders.values())


def test_shuffle_reads_a_file_and_keeps_its_lines(call, tmp_path):
    (tmp_path / "list").write_text("b  two words\n\na")
    assert sorted(call("shuffle_list.pl", "list").stdout.split("\n")) == ["", "", "a", "b  two words"]


def test_shuffle_names_a_missing_file(call):
    assert "none" in call("shuffle_list.pl", "none", code=1).stderr


SCRIPTS = ["split_scp.pl", "filter_scp.pl", "apply_map.pl", "shuffle_list.pl"]
SCRIPTS += ["utt2spk_to_spk2utt.pl", "spk2utt_to_utt2spk.pl", "split_data.sh", "get_utt2dur.sh"]
SCRIPTS += ["validate_data_dir.sh", "fix_data_dir.sh", "subset_data_dir.sh", "combine_data.sh", "copy_data_dir.sh"]
SCRIPTS += ["perturb_data_dir_speed.sh"]
READ_STDIN = {"utt2spk_to_spk2utt.pl", "spk2utt_to_utt2spk.pl", "shuffle_list.pl"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_usage_and_an_example(call, script):
    text = call(script, "--help").stdout
    assert "Usage: " in text
    assert " e.g.: " in text


@pytest.mark.parametrize("script", SCRIPTS)
def test_wrong_arguments_exit_1(call, script):
    assert call(script, "--no-such-option", "x", "y", "z", code=1).stderr


@pytest.mark.parametrize("script", sorted(set(SCRIPTS) - READ_STDIN))
def test_no_arguments_show_the_usage(call, script):
    assert "Usage: " in call(script, code=1).stderr


def test_scripts_are_where_kaldi_keeps_them(call, data_dir, tmp_path):
    links = {link.name for link in (UTILS / "data").iterdir() if link.is_symlink()}
    assert links == {"fix_data_dir.sh", *(name for name in SCRIPTS if name.endswith(".sh"))}
    call("data/copy_data_dir.sh", "--validate-opts", "--non-print --no-spk-sort", data_dir("src"), "two words")
    call("data/subset_data_dir.sh", "--first", "two words", 1, "one")
    assert (tmp_path / "one/wav.scp").read_text() == "a-1 a1.wav\n"


@pytest.mark.parametrize("link", sorted(path.name for path in (UTILS / "data").iterdir() if path.is_symlink()))
def test_every_link_reaches_its_script(call, link):
    assert call(f"data/{link}", "--help").stdout.startswith(f"Usage: {UTILS / link} ")
