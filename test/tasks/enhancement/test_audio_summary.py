from dataclasses import replace

import numpy as np
import pytest

from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.metrics.signal.registry import METRICS
from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means
from toolkit.report.enhancement.utterance_values import read_utterances, table_of_utterances
from toolkit.report.summaries import to_json
from toolkit.tasks.enhancement.audio_summary import group_values, line_of, load_values, summarise_values
from toolkit.tasks.verification.trial_summary import Bootstrap

UTTS = {"a1": "A", "a2": "A", "b1": "B", "b2": "B", "c1": "C"}
SI_SDR = dict(zip(UTTS, (10, 12, "nan", "inf", 5), strict=True))
INPUT = dict(zip(UTTS, (1, 2, 3, 4, 6), strict=True))
WHY = {"a1": "-", "a2": "stoi: too short", "b1": "si_sdr: silent estimate; stoi: silent estimate", "b2": "-", "c1": "-"}
STOI = dict(zip(UTTS, (0.5, "nan", "nan", 0.7, 0.9), strict=True))


@pytest.fixture
def folder(tmp_path):
    """``test``: five utterances of three speakers."""
    tables = {"utt2spk": UTTS, "utt2si_sdr": SI_SDR, "utt2si_sdr_mix": INPUT, "utt2stoi": STOI, "utt2undefined": WHY}
    tables |= {"utt2snr": dict.fromkeys(UTTS, "5"), "utt2noise": dict.fromkeys(UTTS, "babble")}
    for name, rows in tables.items():
        write_table(tmp_path / "test" / name, rows)
    return tmp_path / "test"


def test_means_are_of_what_is_finite_and_the_rest_is_counted(folder):
    actual = to_json(summarise_values(load_values(folder), Bootstrap(200)))
    assert (actual["n_utterances"], actual["n_speakers"], actual["note"]) == (5, 3, "few speakers")
    metrics = actual["metrics"]
    assert list(metrics) == ["si_sdr", "si_sdr_mix", "si_sdri", "stoi"]
    assert metrics["si_sdr"]["value"] == 9
    assert metrics["si_sdr"]["n"] == 3
    assert metrics["si_sdr"]["undefined"] == {"silent estimate": 1}
    assert metrics["si_sdr"]["infinite"] == {"inf": 1}
    assert metrics["si_sdr_mix"]["value"] == 3.2
    assert metrics["si_sdri"]["value"] == pytest.approx((9 + 10 - 1) / 3)  # pairs alone, not 9 - 3.2
    assert metrics["si_sdri"]["undefined"] == {"no value before or after": 2}
    assert metrics["stoi"]["value"] == pytest.approx(0.7)
    assert metrics["stoi"]["undefined"] == {"too short": 1, "silent estimate": 1}
    assert actual["bootstrap"]["unit"] == "speaker"
    for one in metrics.values():
        assert one["low"] <= one["value"] <= one["high"]
        assert one["n"] + sum(one["undefined"].values()) + sum(one["infinite"].values()) == 5


def test_the_improvements_interval_is_that_of_the_differences(folder):
    actual = summarise_values(load_values(folder), Bootstrap(300, 0.9, seed=7)).metrics["si_sdri"]
    speaker, gain = np.array([0, 0, 1, 1, 2]), np.array([9, 10, np.nan, np.nan, -1])
    expected = mean_intervals(resample_means({"x": gain}, speaker, 300, 7), 0.9)["x"]
    assert (actual.value, actual.low, actual.high) == pytest.approx(expected, abs=1e-6)


def test_mixtures_that_were_scored_by_themselves(folder, tmp_path):
    (folder / "utt2si_sdr_mix").unlink()
    for name, rows in {
        "utt2spk": UTTS,
        "utt2si_sdr": INPUT | {"c1": "nan"},
        "utt2undefined": {"c1": "si_sdr: x"},
    }.items():
        write_table(tmp_path / "mixture" / name, rows)
    actual = to_json(summarise_values(load_values(folder, tmp_path / "mixture"), Bootstrap(0)))["metrics"]
    assert actual["si_sdr_mix"]["value"] == 2.5
    assert actual["si_sdr_mix"]["undefined"] == {"x": 1}
    assert actual["si_sdri"]["value"] == 9.5
    assert actual["si_sdr"]["undefined"] == {"silent estimate": 1}
    assert "stoi_mix" not in actual


def test_nothing_finite_and_one_speaker(folder, caplog):
    write_table(folder / "utt2si_sdr", dict.fromkeys(UTTS, "-inf"))
    actual = to_json(summarise_values(load_values(folder), Bootstrap(50)))["metrics"]["si_sdr"]
    assert (actual["value"], actual["low"], actual["n"], actual["infinite"]) == (None, None, 0, {"-inf": 5})
    assert caplog.text == ""
    write_table(folder / "utt2spk", dict.fromkeys(UTTS, "A"))
    actual = to_json(summarise_values(load_values(folder), Bootstrap(50)))["metrics"]
    assert all(one["low"] is None for one in actual.values())
    assert actual["stoi"]["value"] == pytest.approx(0.7)
    assert caplog.text.count("test: no intervals: its utterances are of one speaker") == 1


def test_rates_are_in_per_cent(folder):
    write_table(folder / "utt2speaker_confusion", dict(zip(UTTS, (0, 1, "nan", 0, 0), strict=True)))
    actual = to_json(summarise_values(load_values(folder), Bootstrap(100)))["metrics"]["speaker_confusion"]
    assert (actual["value"], actual["unit"]) == (25, "%")
    assert actual["high"] <= 100
    assert METRICS["tsos"].in_units({"value": 0.5, "p": 0.01}) == {"value": 50, "p": 0.01, "unit": "%"}


def test_groups(folder):
    write_table(folder / "spk2gender", {"A": "f", "B": "m", "C": "f"})
    write_table(folder / "utt2dur", dict(zip(UTTS, (1, 2, 3, 4, 5), strict=True)))
    actual, data = load_values(folder), DataDir(folder)
    breakdowns = [group_values(fact, data, actual, [2.5]) for fact in ("gender", "utt2noise", "duration")]
    groups = to_json(summarise_values(actual, Bootstrap(100), breakdowns))["breakdown"]
    female, male = (groups["gender"]["groups"][gender] for gender in "fm")
    assert (female["n_utterances"], male["n_utterances"]) == (3, 2)
    assert female["metrics"]["si_sdr"]["value"] == 9
    assert male["metrics"]["si_sdr"]["value"] is None
    assert male["metrics"]["si_sdr"]["undefined"] == {"silent estimate": 1}
    assert male["metrics"]["stoi"]["low"] is None
    short = groups["duration"]["groups"]["< 2.5 s"]
    assert short["metrics"]["si_sdr"]["value"] == 11
    whole = to_json(summarise_values(actual, Bootstrap(100)))
    assert groups["utt2noise"]["groups"]["babble"]["metrics"] == whole["metrics"]


def test_pairs_of_genders(folder):
    write_table(folder / "spk2gender", {"A": "f", "B": "m", "C": "f", "X": "m"})
    actual, data = load_values(folder), DataDir(folder)
    with pytest.raises(InputError, match="gender_pair needs spk2gender, and utt2interferer_gender or utt2interferer"):
        group_values("gender_pair", data, actual)
    write_table(folder / "utt2interferer", {"a1": "X", "a2": "C", "b1": "X", "b2": "unknown", "c1": "B"})
    by_speaker = group_values("gender_pair", data, actual)
    assert {label: of.tolist() for label, of in by_speaker.groups.items()} == {
        "f-f": [False, True, False, False, False],
        "f-m": [True, False, False, False, True],
        "m-m": [False, False, True, False, False],
    }
    assert by_speaker.left_out.tolist() == [False, False, False, True, False]
    write_table(folder / "utt2interferer_gender", dict.fromkeys(UTTS, "f"))
    assert list(group_values("gender_pair", data, actual).groups) == ["f-f", "m-f"]


def test_the_table_of_utterances_has_the_worst_on_top(folder):
    lines = [line.split("\t") for line in table_of_utterances(load_values(folder)).splitlines()]
    assert lines[0] == ["utterance", "speaker", "si_sdr", "si_sdr_mix", "si_sdri", "stoi", "undefined"]
    assert [line[0] for line in lines[1:]] == ["b1", "c1", "a1", "a2", "b2"]
    assert lines[1] == ["b1", "B", "nan", "3.0", "nan", "nan", "si_sdr: silent estimate; stoi: silent estimate"]
    assert lines[3] == ["a1", "A", "10.0", "1.0", "9.0", "0.5", "-"]


def test_the_table_of_utterances_is_read_back(folder):
    actual, path = load_values(folder), folder.parent / "scores/test/utterances.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(table_of_utterances(actual))
    back = read_utterances(path)
    assert (back.name, back.utts, back.speakers, back.undefined) == (
        "test",
        actual.utts,
        actual.speakers,
        actual.undefined,
    )
    assert (back.speaker == actual.speaker).all()
    for name, column in actual.values.items():
        np.testing.assert_array_equal(back.values[name], column)


@pytest.mark.parametrize(
    "text", ["", "utterance\tspeaker\tmagic\tundefined\nu\ts\t1\t-\n", "a\tb\tsi_sdr\tc\nu\ts\tx\t-\n"]
)
def test_a_bad_table_of_utterances(tmp_path, text):
    (tmp_path / "utterances.tsv").write_text(text)
    with pytest.raises(InputError, match=r"utterances.tsv: .*stage 8"):
        read_utterances(tmp_path / "utterances.tsv")


def test_of_rates_the_highest_is_the_worst(folder):
    for name in ("si_sdr", "si_sdr_mix", "stoi"):
        (folder / f"utt2{name}").unlink()
    write_table(folder / "utt2speaker_confusion", dict(zip(UTTS, (0, 1, 0, "nan", 0), strict=True)))
    lines = table_of_utterances(load_values(folder)).splitlines()
    assert [line.split("\t")[0] for line in lines[1:3]] == ["b2", "a2"]


def test_a_line_says_value_interval_input_and_what_is_lost(folder):
    metrics = summarise_values(load_values(folder), Bootstrap(0)).metrics
    assert line_of(metrics, "si_sdr") == "SI-SDR 9.00 dB, input 3.20, 1 undefined, 1 infinite"
    metrics = {"stoi": replace(metrics["stoi"], low=0.6, high=0.8)}
    assert line_of(metrics, "stoi") == "STOI 0.7000 [0.6000, 0.8000], 2 undefined"


def test_bad_tables_are_said(folder):
    write_table(folder / "utt2stoi", {"a1": "0.5"})
    with pytest.raises(InputError, match="utt2stoi: lacks a2, b1, b2, c1"):
        load_values(folder)
    write_table(folder / "utt2stoi", dict.fromkeys(UTTS, "high"))
    with pytest.raises(InputError, match="utt2stoi: .*high"):
        load_values(folder)
    for name in ("si_sdr", "si_sdr_mix", "stoi"):
        (folder / f"utt2{name}").unlink()
    with pytest.raises(InputError, match="holds no utt2<metric>"):  # utt2snr is a fact
        load_values(folder)


def test_names_of_version_0_1_are_read(folder, tmp_path):
    now = load_values(folder)
    write_table(folder / "utt2wrong_speaker", dict.fromkeys(UTTS, 1))
    (folder / "utt2si_sdr_mix").rename(folder / "utt2si_sdr_in")
    actual = load_values(folder)
    np.testing.assert_array_equal(actual.values["si_sdri"], now.values["si_sdri"])
    assert actual.values["speaker_confusion"].tolist() == [1] * 5
    text = table_of_utterances(actual)
    (tmp_path / "new.tsv").write_text(text)
    (tmp_path / "old.tsv").write_text(
        text.replace("si_sdr_mix", "si_sdr_in").replace("speaker_confusion", "wrong_speaker")
    )
    assert read_utterances(tmp_path / "old.tsv").values.keys() == read_utterances(tmp_path / "new.tsv").values.keys()
