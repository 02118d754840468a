import json

import pytest

from toolkit.bin.summarise_audio import main
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table

UTTS = {f"s{s}-u{u}": f"s{s}" for s in range(4) for u in range(2)}


@pytest.fixture
def root(tmp_path):
    """``metrics/{one,two}``, ``raw/{one,two}`` with facts."""
    for name in ("one", "two"):
        folder = tmp_path / "metrics" / name
        write_table(folder / "utt2spk", UTTS)
        write_table(folder / "utt2si_sdr", {utt: i + 0.25 for i, utt in enumerate(UTTS)})
        write_table(folder / "utt2si_sdr_mix", dict.fromkeys(UTTS, -1))
        write_table(folder / "utt2undefined", dict.fromkeys(UTTS, "-"))
        write_table(tmp_path / f"raw/{name}/utt2spk", UTTS)
        write_table(tmp_path / f"raw/{name}/utt2noise", {utt: "babble" if "u0" in utt else "hum" for utt in UTTS})
        write_table(tmp_path / f"raw/{name}/utt2snr", dict.fromkeys(UTTS, 5))
    return tmp_path


def words(root, *more):
    paths = ["--in_root", root / "metrics", "--data_root", root / "raw", "--out_root", root / "scores"]
    return [*map(str, paths), "--sets", "one", "two", "--resamples", "40", *more]


def test_files_and_lines(root, capsys):
    main(words(root, "--breakdown", "utt2noise"))
    assert "one: SI-SDR 3.75 dB [" in capsys.readouterr().out
    result = json.loads((root / "scores/one/result.json").read_text())
    assert result["set"] == "one"
    assert result["condition"] == {"noise": "mixed", "snr": 5}
    assert result["metrics"]["si_sdri"]["value"] == 4.75
    groups = result["breakdown"]["utt2noise"]["groups"]
    assert {label: one["metrics"]["si_sdr"]["value"] for label, one in groups.items()} == {"babble": 3.25, "hum": 4.25}
    lines = (root / "scores/two/utterances.tsv").read_text().splitlines()
    assert lines[1].split("\t") == ["s0-u0", "s0", "0.25", "-1.0", "1.25", "-"]
    assert len(lines) == 9


def test_the_same_seed_gives_the_same_file(root):
    files = []
    for seed in ("1", "1", "2"):
        main(words(root, "--seed", seed))
        files.append(json.loads((root / "scores/one/result.json").read_text())["metrics"])
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--level", "95"], "--level 95: must be a number above 0 and below 1"),
        (["--resamples", "-1"], "--resamples -1: must be a whole number from 0"),
        (["--duration_edges", "3", "2"], "--duration_edges [3.0, 2.0]"),
        (["--breakdown", "gender"], "raw/one/spk2gender: table not found"),
        (["--breakdown", "gender_pair"], "gender_pair needs spk2gender"),
        (["--sets", "three"], "metrics/three: no such data dir"),
        (["--input_root", "nowhere"], "nowhere/one: no such data dir"),
    ],
)
def test_wrong_words_are_said_in_a_line(root, capsys, more, message):
    assert run(main, words(root, *more)) == 1
    assert message in capsys.readouterr().err
