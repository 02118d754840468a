"""Examples on disk: levels, colours, what stays and what goes."""

import json

import numpy as np
import pytest
import soundfile

from toolkit.io.errors import InputError
from toolkit.report.listening import FILE, Column, Row, read_listening, write_listening

FS, HZ = 8000, np.array([100.0, 500.0, 2000.0, 3000.0])


def example(key, peak=0.5, labels=("mixture", "estimated speech"), top=10.0):
    t = np.arange(FS // 2) / FS
    tone = np.sin(2 * np.pi * 100 * t)
    levels = np.full((6, 4), top - 30.0)
    levels[2, 1] = top
    columns = [Column(label, peak * tone / (n + 1), levels - 5 * n) for n, label in enumerate(labels)]
    return Row(key, {"noise": "babble"}, {"si_sdr": 1.5, "mse": float("inf")}, columns)


def write(folder, *rows):
    write_listening(folder, rows, FS, HZ, 0.01, "How it was made.")


def test_what_is_written_is_read(tmp_path):
    write(tmp_path, example("a/1"), example("b"))
    actual = read_listening(tmp_path)
    assert actual["note"] == "How it was made."
    assert [row["id"] for row in actual["rows"]] == ["a/1", "b"]
    assert actual["rows"][0]["facts"] == {"noise": "babble"}
    assert actual["rows"][0]["numbers"] == {"si_sdr": 1.5, "mse": None}
    assert [column["label"] for column in actual["rows"][0]["columns"]] == ["mixture", "estimated speech"]
    samples, rate = soundfile.read(tmp_path / actual["rows"][0]["columns"][1]["audio"])
    assert rate == FS
    assert samples == pytest.approx(0.25 * np.sin(2 * np.pi * 100 * np.arange(FS // 2) / FS), abs=2**-15)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [FILE, *(c[what] for row in actual["rows"] for c in row["columns"] for what in ("audio", "picture"))]
    )


def test_what_is_too_loud_is_scaled_down_as_a_whole(tmp_path):
    write(tmp_path, example("a", peak=2.0), example("b"))
    peaks = [
        [np.abs(soundfile.read(tmp_path / column["audio"])[0]).max() for column in row["columns"]]
        for row in read_listening(tmp_path)["rows"]
    ]
    assert np.array(peaks) == pytest.approx(np.array([[0.99, 0.495], [0.5, 0.25]]), abs=1e-4)


def test_pictures_share_colours_and_axes(tmp_path, drawn):
    write(tmp_path, example("b", top=22.0), example("a"))
    assert len(drawn) == 4
    assert len(set(map(id, drawn))) == 1
    ax = drawn[0].axes[0]
    assert ax.images[0].get_clim() == (-48.0, 22.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "frequency (kHz)")
    assert np.array_equal(ax.images[0].get_array(), example("a").columns[-1].levels.T)
    assert ax.images[0].origin == "lower"
    ticks = dict(zip((label.get_text() for label in ax.get_yticklabels()), ax.get_yticks(), strict=True))
    assert ticks == pytest.approx({"0.25": 0.375, "0.5": 1.0, "1": 1 + 1 / 3, "2": 2.0})
    assert ax.images[0].get_extent()[:2] == pytest.approx([-0.005, 0.055])  # a frame's column is centred on its time


def test_fewer_examples_leave_no_file_of_more(tmp_path):
    write(tmp_path, example("a"), example("b", labels=("mixture", "output", "target")))
    (tmp_path / "mine.flac").write_text("not ours")
    write(tmp_path, example("a"))
    kept = ["01_estimated_speech.flac", "01_estimated_speech.png", "01_mixture.flac", "01_mixture.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [*kept, FILE, "mine.flac"]


def test_no_examples():
    assert read_listening("nowhere") is None


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content.pop("rows"), "rows is missing"),
        (lambda content: content.pop("note"), "note is missing"),
        (lambda content: content["rows"][0].pop("facts"), "facts is missing"),
        (lambda content: content["rows"][0]["columns"][0].pop("audio"), "audio is missing"),
        (lambda content: content["rows"][0]["columns"][0].update(audio="gone.flac"), "names gone.flac, which is not"),
    ],
)
def test_a_malformed_list_is_said(tmp_path, spoil, message):
    write(tmp_path, example("a"))
    content = json.loads((tmp_path / FILE).read_text())
    spoil(content)
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_listening(tmp_path)
    (tmp_path / FILE).write_text("{")
    with pytest.raises(InputError, match="listening.json: is not valid JSON"):
        read_listening(tmp_path)
