import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.registry import compute
from toolkit.metrics.signal.timing import frame_labels, frame_scores, timing_scores


def frames(intervals, seconds):
    return "".join("x" if label else "." for label in frame_labels(np.array(intervals).reshape(-1, 2), seconds))


def test_a_frame_belongs_to_a_turn_by_its_centre():
    """Centres lie at 5, 15, 25, ... ms; a begin is in its turn, an end is not."""
    assert frames([(0.02, 0.05)], 0.08) == "..xxx..."
    assert frames([(0.025, 0.045)], 0.08) == "..xx...."
    assert frames([(0.0251, 0.0451)], 0.08) == "...xx..."
    assert frames([(0.026, 0.034)], 0.08) == "........"  # within a frame, beside its centre
    assert frames([(0, 0.02), (0.01, 0.03), (0.06, 9)], 0.08) == "xxx...xx"  # overlapping; beyond the end
    assert frames([], 0.084) == "........"
    assert frames([], 0.086) == "........."  # the centre of the ninth is in it


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_those_of_every_centre(seed):
    intervals = np.sort(np.random.default_rng(seed).integers(0, 3000, (5, 2))) / 1000
    expected = [any(a <= centre < b for a, b in intervals) for centre in (np.arange(300) * 10 + 5) / 1000]
    np.testing.assert_array_equal(frame_labels(intervals, 3.0), expected)


def test_scores_of_frames_worked_by_hand():
    """Both 2, output alone 1, reference alone 3."""
    output, reference = (np.array([c == "x" for c in text]) for text in ("xxx.....", ".xxxxx.."))
    assert frame_scores(output, reference) == pytest.approx((4 / 8, 2 / 3, 2 / 5))
    silent = np.zeros(8, bool)
    assert frame_scores(silent, reference) == pytest.approx((0, np.nan, 0), nan_ok=True)
    assert frame_scores(output, silent) == pytest.approx((0, 0, np.nan), nan_ok=True)
    assert frame_scores(reference, reference) == (1, 1, 1)


def test_scores_are_those_of_scikit_learn():
    output, reference = np.random.default_rng(0).random((2, 200)) < [[0.3], [0.6]]
    expected = [score(reference, output) for score in (f1_score, precision_score, recall_score)]
    assert frame_scores(output, reference) == pytest.approx(expected)


def test_the_output_is_compared_with_the_turns(monkeypatch):
    """An output of 1 s that speaks from 0.2 to 0.6 s; the speaker's turns are 0.3 to 0.5 s and, past it, 0.9 to 2 s."""
    speech = {8000: [(0.2, 0.6)], 8001: []}
    monkeypatch.setattr(
        "toolkit.metrics.signal.timing.speech_intervals", lambda x, fs: np.array(speech[len(x)]).reshape(-1, 2)
    )
    turns = np.array([(0.3, 0.5), (0.9, 2.0)])
    assert timing_scores(np.zeros(8000), turns, 8000) == pytest.approx((2 * 20 / (40 + 30), 20 / 40, 20 / 30))
    values, undefined = compute(["timing_recall", "timing_precision"], np.zeros(8001), None, 8000, turns)
    assert values == pytest.approx({"timing_precision": np.nan, "timing_recall": 0}, nan_ok=True)
    assert undefined == {"timing_precision": "no speech in estimate or annotation"}
    with pytest.raises(Undefined, match="^no speech in estimate and annotation$"):
        timing_scores(np.zeros(8001), turns[:0], 8000)
