"""Which outputs are heard, and that what is heard is theirs."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.signal_scores import FS, write_audio, write_scores
from matplotlib.backends.backend_agg import FigureCanvasAgg

from toolkit.io.audio import read_audio
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.report.enhancement.utterance_values import UtteranceValues, read_utterances
from toolkit.report.listening import spectrogram
from toolkit.tasks.enhancement.audio_listening import Source, cases, facts_of, write_cases


def signals(gains, wrong=None, to_interferer=None):
    utts = [f"u{i}" for i in range(len(gains))]
    values = {"si_sdr": np.array(gains) + 1.0, "si_sdr_mix": np.ones(len(gains)), "si_sdri": np.array(gains, float)}
    if wrong is not None:
        values |= {"speaker_confusion": np.array(wrong, float), "si_sdr_interferer": np.array(to_interferer, float)}
    return UtteranceValues("test", utts, ["s"], np.zeros(len(utts), int), values, {utt: {} for utt in utts})


def test_best_median_and_worst():
    assert cases(signals([3, 9, 1, 7, 5])) == [("best of 5", 1), ("median of 5", 4), ("worst of 5", 2)]
    assert cases(signals([3, np.nan, 9, np.inf])) == [("best of 2", 2), ("worst of 2", 0)]
    assert cases(signals([3])) == [("best of 1", 0)]
    assert cases(signals([np.nan])) == []


def test_the_clearest_speaker_confusion_that_is_not_heard_yet():
    actual = signals([9, 8, 7, 6, 5], wrong=[0, 1, 0, 1, 1], to_interferer=[0, 10, 0, 11, 30])
    assert cases(actual)[3:] == [("speaker confusion, one of 3", 3)]  # 4 leads by more, and is the worst already
    assert cases(signals([9, 8, 7], wrong=[1, 1, 1], to_interferer=[20] * 3))[3:] == []
    assert len(cases(signals([9, 8, 7, 6], wrong=[0] * 4, to_interferer=[0] * 4))) == 3


def test_without_mixtures_scores_the_output_ranks():
    actual = signals([3, 9, 1])
    del actual.values["si_sdri"], actual.values["si_sdr_mix"]
    assert [case for case, _ in cases(actual)] == ["best of 3", "median of 3", "worst of 3"]


def test_facts():
    actual = signals([3.0], wrong=[1], to_interferer=[6])
    actual.values["stoi"] = np.array([np.nan])
    actual.undefined["u0"]["stoi"] = "silent estimate"
    assert facts_of(actual, 0) == {
        "SI-SDR": "1.00 → 4.00 dB",
        "STOI": "none (silent estimate)",
        "SI-SDR to the interferer": "6.00 dB",
        "nearer to": "the interferer",
    }


def test_spectrogram_of_a_tone():
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(FS) / FS)
    levels = spectrogram(tone, FS)
    assert levels.shape == (1 + (FS - 256) // 80, 129)
    assert (levels.argmax(1) == 32).all()  # 1000 Hz / (8000 / 256)
    assert levels.max() == pytest.approx(20 * np.log10(0.25), abs=0.01)  # half the amplitude is at -1000 Hz
    assert spectrogram(tone[:10], FS).shape == (1, 129)
    assert spectrogram(np.zeros(300), FS).max() == pytest.approx(-100)


@pytest.fixture
def source(tmp_path, monkeypatch):
    # Drawing takes a second.
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda self, path: Path(path).write_bytes(b"PNG"))
    expdir = write_scores(tmp_path / "tse", sets=("test",))
    write_audio(tmp_path / "raw", expdir / "extracted", sets=("test",))
    actual = read_utterances(expdir / "scores/test/utterances.tsv")
    return Source(actual, tmp_path / "raw/test", expdir / "extracted/test", True)


def test_what_is_written_is_the_utterances_audio(source, tmp_path):
    assert write_cases(tmp_path / "listening", [source], 0.2) == 4
    listed = json.loads((tmp_path / "listening/listening.json").read_text())
    best = max(source.scored.utts, key=lambda utt: source.scored.values["si_sdri"][source.scored.utts.index(utt)])
    row = listed["rows"][0]
    assert (row["id"], row["facts"]["set"], row["facts"]["case"]) == (best, "test", "best of 18")
    assert row["numbers"]["si_sdri"] == source.scored.values["si_sdri"].max()
    expected = [source.data / "wav", source.data / "enroll_spk1", source.outputs / "wav", source.data / "spk1"]
    for column, stem in zip(row["columns"], expected, strict=True):
        samples, fs = soundfile.read(tmp_path / "listening" / column["audio"])
        truth, _ = read_audio(read_table(f"{stem}.scp")[best], best)
        assert (fs, len(samples)) == (FS, round(0.2 * FS))
        assert np.abs(samples - truth[: len(samples)]).max() < 1e-4


def test_only_what_is_there(source, tmp_path):
    plain = Source(source.scored, source.data, source.outputs, False)
    assert list(plain.tables()) == ["mixture", "output", "target"]
    (source.data / "spk1.scp").unlink()
    assert list(source.tables()) == ["mixture", "enrolment", "output"]
    (source.outputs / "wav.scp").unlink()
    assert write_cases(tmp_path / "listening", [source], 10) == 0
    assert not (tmp_path / "listening").exists()


def test_rates_must_agree(source, tmp_path):
    rows = read_table(source.outputs / "wav.scp")
    for path in rows.values():
        soundfile.write(path, np.zeros(1600), 16000)
    with pytest.raises(InputError, match=r"is at 16000 Hz, expected 8000 Hz"):
        write_cases(tmp_path / "listening", [source], 10)


def test_sets_at_several_rates(source, tmp_path):
    fast = Source(source.scored, tmp_path / "fast", tmp_path / "fast", False)
    Path(fast.data).mkdir()
    soundfile.write(fast.data / "x.wav", np.zeros(1600), 16000)
    write_table(fast.data / "wav.scp", dict.fromkeys(source.scored.utts, str(fast.data / "x.wav")))
    with pytest.raises(InputError, match=r"8000 and 16000 Hz"):
        write_cases(tmp_path / "listening", [source, fast], 10)
