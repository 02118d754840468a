import math

import numpy as np
import pytest
import soundfile
from conftest import voice

from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.report.enhancement.utterance_values import parse_reasons, reasons_text
from toolkit.tasks.enhancement.audio_scoring import Scorer, open_streams

FS = 16000
TARGET, OTHER = voice(0, 0, 1.0), voice(3, 1, 1.0)
SIGNALS = {"reference": TARGET, "interferer": OTHER, "input": TARGET + OTHER}


def scored(estimate, scorer=None, **signals):
    scorer = scorer or Scorer(("si_sdr",), interferer=True, residual_energy=True, input=True)
    return scorer.score({"estimate": estimate, **SIGNALS, **signals}, FS)


def test_the_speaker_confusion_by_construction():
    for estimate, wrong in ((TARGET + 0.1 * OTHER, 0), (0.1 * TARGET + OTHER, 1)):
        values, undefined = scored(estimate)
        assert values["speaker_confusion"] == wrong
        assert values["si_sdr"] == si_sdr(estimate, TARGET)
        assert values["si_sdr_interferer"] == si_sdr(estimate, OTHER)
        assert values["si_sdr_mix"] == si_sdr(TARGET + OTHER, TARGET)
        assert undefined == dict.fromkeys(("residual_energy", "false_alarm"), "the target is present")


def test_of_several_interferers_the_nearest_counts():
    third = voice(5, 2, 1.0)
    for estimate in (TARGET + 0.5 * OTHER + 0.1 * third, 0.1 * OTHER + third, TARGET + 2 * OTHER):
        for others in ((OTHER, third), (third, OTHER), (0 * OTHER, third, OTHER)):
            signals = {f"interferer{i or ''}": other for i, other in enumerate(others)}
            values, undefined = scored(estimate, **signals)
            nearest = max(si_sdr(estimate, OTHER), si_sdr(estimate, third))
            assert values["si_sdr_interferer"] == nearest
            assert values["speaker_confusion"] == (nearest > si_sdr(estimate, TARGET))
            assert set(undefined) == {"residual_energy", "false_alarm"}
    _, undefined = scored(TARGET, interferer=0 * OTHER, interferer2=0 * OTHER)
    assert undefined["speaker_confusion"] == undefined["si_sdr_interferer"] == "silent interferer"


def test_names_are_those_of_the_values():
    for flags in ((False, False, False), (True, False, True), (True, True, True)):
        scorer = Scorer(("si_sdr", "tsos"), *flags)
        assert scorer.names() == list(scored(TARGET, scorer)[0])


def test_without_a_target_what_is_left_counts():
    values, undefined = scored(0.1 * OTHER, reference=0 * TARGET, input=OTHER)
    assert values["residual_energy"] == pytest.approx(-20)
    assert math.isnan(values["speaker_confusion"])
    assert undefined == {
        "si_sdr": "silent reference",
        "speaker_confusion": "silent target",
        "si_sdr_mix": "silent reference",
    }
    assert values["false_alarm"] == 0
    silent, loud = (scored(gain * OTHER, reference=0 * TARGET, input=OTHER)[0] for gain in (0, 0.4))
    assert (silent["residual_energy"], silent["false_alarm"]) == (-math.inf, 0)
    assert loud["false_alarm"] == 1


def test_silence_has_reasons():
    _, undefined = scored(0 * TARGET)
    assert undefined["si_sdr"] == undefined["speaker_confusion"] == undefined["si_sdr_interferer"] == "silent estimate"
    assert "si_sdr_mix" not in undefined
    _, undefined = scored(TARGET, interferer=0 * OTHER, input=0 * OTHER)
    assert undefined["speaker_confusion"] == undefined["si_sdr_interferer"] == "silent interferer"
    assert undefined["si_sdr_mix"] == "silent mixture"


def test_reasons_are_written_and_read():
    why = {"stoi": "silent estimate", "pesq_wb_mix": "shorter than 0.25 s"}
    assert reasons_text(why) == "stoi: silent estimate; pesq_wb_mix: shorter than 0.25 s"
    assert parse_reasons(reasons_text(why)) == why
    assert reasons_text({}) == "-"
    assert parse_reasons("-") == {}


@pytest.fixture
def streams(tmp_path):
    """Write sounds ``{role: {utterance: (samples, rate)}}`` and open them."""

    def write(**roles):
        for role, sounds in roles.items():
            for utt, (samples, fs) in sounds.items():
                soundfile.write(tmp_path / f"{role}-{utt}.wav", samples, fs)
            write_table(tmp_path / f"{role}.scp", {utt: tmp_path / f"{role}-{utt}.wav" for utt in sounds})
        return open_streams("test", ["u1"], **{role: tmp_path / f"{role}.scp" for role in roles})

    return write


def test_streams_are_read(streams):
    signals, fs = streams(estimate={"u1": (TARGET, FS)}, reference={"u1": (OTHER, FS), "u2": (OTHER, FS)}).read("u1")
    assert fs == FS
    np.testing.assert_allclose(signals["reference"], OTHER, atol=1e-4)


def test_unlike_lengths_and_rates_are_said(streams):
    estimate = {"u1": (TARGET, FS)}
    with pytest.raises(InputError, match=r"u1: its estimate .* has 16000 samples, its reference .* 15999;"):
        streams(estimate=estimate, reference={"u1": (TARGET[1:], FS)}).read("u1")
    with pytest.raises(InputError, match=r"u1: its estimate .*estimate.scp\) is at 16000 Hz, its input .* at 8000 Hz;"):
        streams(estimate=estimate, reference=estimate, input={"u1": (TARGET, 8000)}).read("u1")


def test_a_missing_reference_is_said(streams):
    with pytest.raises(InputError, match=r"reference.scp: lacks 1 ids of the reference to score: u1"):
        streams(estimate={"u1": (TARGET, FS)}, reference={"u2": (TARGET, FS)})
