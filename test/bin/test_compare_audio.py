import json

import numpy as np
import pytest
from helpers.signal_scores import write_utterances

from toolkit.bin.compare_audio import main
from toolkit.io.command_line import run

UTTS = {f"s{s:02d}-{u}": f"s{s:02d}" for s in range(12) for u in range(3)}


@pytest.fixture
def scored(tmp_path, monkeypatch):
    """exp/{one,two}/scores/{test,noisy}: two has 2 dB more, and half of one's wrong speakers."""
    monkeypatch.chdir(tmp_path)
    for system, gain in (("one", 0), ("two", 2)):
        for seed, name in enumerate(("test", "noisy")):
            write(tmp_path / "exp" / system / "scores" / name, gain, seed)
    return tmp_path


def write(folder, gain, seed=0, utt2spk=UTTS, **metrics):
    rng = np.random.default_rng(seed)
    confusion = {utt: int(i % (4 + 2 * gain) == 0) for i, utt in enumerate(UTTS)}
    si_sdr = {utt: rng.normal() + gain for utt in UTTS}
    write_utterances(folder, utt2spk, si_sdr=si_sdr, speaker_confusion=confusion, **metrics)


WORDS = ["--a", "exp/one/scores/test", "--b", "exp/two/scores/test", "--resamples", "60"]


def test_what_is_said_and_written(scored, capsys):
    main([*WORDS, "--output", "compare.json"])
    lines = capsys.readouterr().out.splitlines()
    # The same random numbers and 2 dB: no draw differs.
    assert lines[0].startswith("test: SI-SDR: two is better than one by 2.00 dB [2.00, 2.00]")
    assert "p = 0.016" in lines[0]
    assert lines[1].startswith("test: speaker confusion: two is better than one by 11.11 points [")
    actual = json.loads((scored / "compare.json").read_text())["differences"]["test"]
    assert actual["si_sdr"]["value"] == pytest.approx(2)
    assert actual["speaker_confusion"]["value"] == pytest.approx(-100 / 9, abs=1e-5)
    assert actual["speaker_confusion"]["unit"] == "points"
    assert 0 < actual["speaker_confusion"]["p"] <= 1


def test_the_other_way_round(scored, capsys):
    main(["--a", WORDS[3], "--b", WORDS[1], "--resamples", "60", "--names", "new", "old"])
    assert "SI-SDR: old is worse than new by 2.00 dB [2.00, 2.00]" in capsys.readouterr().out


def test_other_mixtures_and_other_folders_are_refused(scored, capsys):
    for name, gain, shift in (("one", 0, 0), ("two", 2, 0.1)):
        write(scored / f"exp/{name}/scores/test", gain, si_sdr_mix=dict.fromkeys(UTTS, 1 + shift))
    assert run(main, WORDS) == 1
    assert "exp/two/scores/test: not the mixtures of exp/one/scores/test: s00-0, " in capsys.readouterr().err
    assert run(main, ["--a", "exp/one", "--b", "exp/two"]) == 1
    assert "exp/one/utterances.tsv: no such file" in capsys.readouterr().err


def test_conditions_and_their_mean(scored, capsys):
    main(["--a", WORDS[1], "exp/one/scores/noisy", "--b", WORDS[3], "exp/two/scores/noisy", "--resamples", "60"])
    message = capsys.readouterr().out
    assert "noisy: SI-SDR: " in message
    assert "Avg.: SI-SDR: two is better than one by 2.00 dB" in message


def test_a_system_and_itself(scored, capsys):
    main(["--a", WORDS[1], "--b", WORDS[1], "--resamples", "60"])
    message = capsys.readouterr().out
    assert "0.00 dB [0.00, 0.00]" in message
    assert "p = 1)" in message


def test_one_speaker_is_too_few(scored, capsys):
    for system, gain in (("one", 0), ("two", 2)):
        write(scored / f"exp/{system}/scores/test", gain, utt2spk=dict.fromkeys(UTTS, "A"))
    main([*WORDS, "--output", "c.json"])
    assert "2.00 dB; there are too few speakers for an interval" in capsys.readouterr().out
    assert json.loads((scored / "c.json").read_text())["differences"]["test"]["si_sdr"]["p"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--a", "x", "y"], "--a names 2 folders, --b 1; give as many of each"),
        (["--resamples", "0"], "--resamples 0: must be a whole number from 1"),
        (["--a", "exp/none"], "exp/none/utterances.tsv: no such file"),
        (["--a", *WORDS[1:2] * 2, "--b", *WORDS[3:4] * 2], "two folders have the same name"),
    ],
)
def test_wrong_words_are_said_in_a_line(scored, capsys, change, message):
    assert run(main, [*WORDS, *change]) == 1
    assert message in capsys.readouterr().err
