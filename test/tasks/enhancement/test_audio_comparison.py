import numpy as np
import pytest
from helpers.signal_scores import write_utterances

from toolkit.io.errors import InputError
from toolkit.tasks.enhancement.audio_comparison import compare_audio_values, load_audio_condition

UTTS = {f"s{s:02d}-{u}": f"s{s:02d}" for s in range(15) for u in range(4)}


def write(folder, gain, seed=0, utt2spk=UTTS, **metrics):
    """Values that the speaker makes hard, and ``gain``; more ``metrics``."""
    rng = np.random.default_rng(5)
    hard = np.repeat(rng.normal(0, 4, 15), 4)
    values = hard + gain + np.random.default_rng(seed).normal(0, 0.5, 60)
    own = {"si_sdr": dict(zip(UTTS, values.tolist(), strict=True))}
    write_utterances(folder, utt2spk, **(own | metrics))
    return folder


def test_a_gain_that_speakers_hide_is_found(tmp_path):
    one = load_audio_condition(write(tmp_path / "a/test", 0), write(tmp_path / "b/test", 1, seed=1))
    actual = compare_audio_values([one], 500, 0.95, 0)["test"]["si_sdr"]
    assert actual.value == pytest.approx(np.mean(np.subtract(*(side.values["si_sdr"] for side in one[::-1]))))
    assert 0.5 < actual.low < actual.value < actual.high < 1.5
    assert actual.p < 0.01
    back = compare_audio_values([one[::-1]], 500, 0.95, 0)["test"]["si_sdr"]
    assert back.value == pytest.approx(-actual.value)
    assert back.p == actual.p


def test_a_system_equals_itself(tmp_path):
    one = load_audio_condition(write(tmp_path / "a/test", 0), tmp_path / "a/test")
    assert compare_audio_values([one], 100, 0.95, 0)["test"]["si_sdr"] == (0, 0, 0, 1)


def test_an_utterance_without_a_value_counts_for_neither(tmp_path, caplog):
    stoi = dict.fromkeys(UTTS, 0.5)
    a = write(tmp_path / "a/test", 0, stoi=stoi | {"s00-0": "nan", "s00-1": 0.9})
    b = write(tmp_path / "b/test", 1, stoi=stoi | {"s01-0": "inf", "s00-0": 0.9})
    one = load_audio_condition(a, b)
    assert "STOI is compared on 58 of 60 utterances: the others have no finite value in A (1) or B (1)" in caplog.text
    assert "SI-SDR" not in caplog.text
    actual = compare_audio_values([one], 100, 0.95, 0)["test"]["stoi"]
    assert actual.value == pytest.approx(-0.4 / 58)


def test_conditions_and_their_mean(tmp_path):
    folders = [
        (write(tmp_path / f"a/{n}", 0, i), write(tmp_path / f"b/{n}", g, i))
        for i, (n, g) in enumerate({"x": 1, "y": 3}.items())
    ]
    actual = compare_audio_values([load_audio_condition(*pair) for pair in folders], 100, 0.95, 0)
    assert list(actual) == ["x", "y", "Avg."]
    assert actual["Avg."]["si_sdr"].value == pytest.approx(2)


def test_what_cannot_be_compared_is_said(tmp_path):
    a = write(tmp_path / "a/test", 0)
    some = {utt: spk for utt, spk in UTTS.items() if utt != "s03-2"}
    write(tmp_path / "b/test", 0, utt2spk=some)
    with pytest.raises(InputError, match="b/test: not the utterances of .*a/test: s03-2"):
        load_audio_condition(a, tmp_path / "b/test")
    write(tmp_path / "c/test", 0, utt2spk=UTTS | {"s03-2": "s04"})
    with pytest.raises(InputError, match="c/test: not the speakers of"):
        load_audio_condition(a, tmp_path / "c/test")
    write_utterances(tmp_path / "d/test", UTTS, stoi=dict.fromkeys(UTTS, 1))
    with pytest.raises(InputError, match="no metric is in both"):
        load_audio_condition(a, tmp_path / "d/test")
