import json

import numpy as np
import pytest

from toolkit.bin.compare_trials import main
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table
from toolkit.tasks.paired_comparison import system_name

UTT2SPK = {f"s{s:02d}-{u}": f"s{s:02d}" for s in range(15) for u in range(3)}


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """exp/{one,two}/scores/{test,noisy}: two is better at both."""
    monkeypatch.chdir(tmp_path)
    write_table("utt2spk", UTT2SPK)
    for gain, system in enumerate(("one", "two"), 1):
        for seed, name in enumerate(("test", "noisy")):
            rng = np.random.default_rng(seed)
            folder = tmp_path / "exp" / system / "scores" / name
            folder.mkdir(parents=True)
            lines = [
                f"{a} {b} {2 * gain * (UTT2SPK[a] == UTT2SPK[b]) + rng.normal():.5f}\n"
                for a in UTT2SPK
                for b in UTT2SPK
                if a < b
            ]
            (folder / "scores.txt").write_text("".join(lines))
    return tmp_path


WORDS = ["--a", "exp/one/scores/test", "--b", "exp/two/scores/test", "--utt2spk", "utt2spk", "--resamples", "60"]


def test_what_is_said_and_written(scored, capsys):
    main([*WORDS, "--output", "compare.json"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("test: EER: two is better than one by ")
    assert lines[0].endswith("(p = 0.016)")  # no draw of 60 lies as far off: 1 / 61
    actual = json.loads((scored / "compare.json").read_text())
    eer = actual["differences"]["test"]["eer"]
    assert f"{-eer['value']:.2f} points [{-eer['high']:.2f}, {-eer['low']:.2f}]" in lines[0]
    assert -40 < eer["value"] < -5  # per cent


def test_conditions_and_their_mean(scored, capsys):
    words = ["--a", "exp/one/scores/test", "exp/one/scores/noisy", "--b", "exp/two/scores/test", "exp/two/scores/noisy"]
    main([*words, "--utt2spk", "utt2spk", "--resamples", "20", "--names", "A", "B", "--output", "c.json"])
    message = capsys.readouterr().out
    assert "Avg.: EER: B is better than A by " in message
    actual = json.loads((scored / "c.json").read_text())["differences"]
    assert actual["Avg."]["eer"]["value"] == pytest.approx(
        np.mean([actual[n]["eer"]["value"] for n in ("test", "noisy")])
    )


def test_a_system_and_itself(scored, capsys):
    main(["--a", "exp/one/scores/test", "--b", "exp/one/scores/test", *WORDS[4:]])
    message = capsys.readouterr().out
    assert "0.00 points [0.00, 0.00]" in message
    assert "p = 1)" in message


def test_two_speakers_are_too_few(scored, capsys):
    write_table("utt2spk", {"a": "A", "b": "A", "c": "B"})
    for system in ("one", "two"):
        (scored / f"exp/{system}/scores/test/scores.txt").write_text("a b 1\na c 0\n")
    main([*WORDS, "--output", "c.json"])
    assert capsys.readouterr().out.count("too few speakers for an interval") == 3
    assert json.loads((scored / "c.json").read_text())["differences"]["test"]["eer"]["p"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--a", "x", "y"], "--a names 2 folders, --b 1, --utt2spk 1 files"),
        (["--a", "x", "y", "--b", "x", "y", "--utt2spk", "u", "u", "u"], "--utt2spk 3 files"),
        (["--resamples", "0"], "--resamples 0: must be a whole number from 1"),
        (["--a", "exp/none"], "exp/none/scores.txt: score file not found"),
        (
            ["--a", "exp/one/scores/test", "exp/two/scores/test", "--b", *WORDS[1:2] * 2],
            "two folders have the same name",
        ),
    ],
)
def test_wrong_words_are_said_in_a_line(scored, capsys, change, message):
    assert run(main, [*WORDS, *change]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("exp/ecapa/scores/test", "ecapa"),
        ("exp/ecapa/scores_as_norm/test", "ecapa (as_norm)"),
        ("exp/ecapa/metrics/test", "ecapa"),
        ("scores/test", "scores/test"),
        ("elsewhere/ecapa/results/test", "elsewhere/ecapa/results/test"),
    ],
)
def test_names_of_systems(folder, name):
    assert system_name(folder) == name
