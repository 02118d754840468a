"""Error counts against edit distances by recursion, intervals against resampling by hand."""

import functools
import random

import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.metrics.recognition.word_errors import aligned_words, count_errors, resample_rate


def distance(a, b) -> int:
    """Levenshtein's, as it is defined."""

    @functools.cache
    def between(i: int, j: int) -> int:
        if not (i and j):
            return i + j
        return min(between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return between(len(a), len(b))


@pytest.mark.parametrize(("metric", "split"), [("wer", str.split), ("cer", list)])
def test_errors_are_edit_distances(metric, split):
    rng = random.Random(0)
    pairs = [[" ".join(rng.choices(["a", "bb", "abc"], k=rng.randint(0, 6))) for _ in range(2)] for _ in range(60)]
    references, hypotheses = zip(*pairs, strict=True)
    counts = count_errors(references, hypotheses, metric)
    expected = [distance(tuple(split(a)), tuple(split(b))) for a, b in pairs]
    assert counts.errors.tolist() == expected
    assert counts.length.tolist() == [len(split(a)) for a in references]
    growth = [len(split(b)) - len(split(a)) for a, b in pairs]
    assert (counts.insertions - counts.deletions).tolist() == growth


def test_kinds_of_errors():
    counts = count_errors(["a b c d", "a", "b"], ["a x c", "a b c", "b"])
    assert counts.substitutions.tolist() == [1, 0, 0]
    assert counts.deletions.tolist() == [1, 0, 0]
    assert counts.insertions.tolist() == [0, 2, 0]
    assert counts.rate == 4 / 6


def test_bad_input():
    for bad in ((["a"], []), (["a"], ["a"], "per")):
        with pytest.raises(InputError):
            count_errors(*bad)
    assert np.isnan(count_errors([], []).rate)


def test_samples_are_ratios_over_drawn_speakers():
    """As one would count them: of the drawn speakers' utterances, errors over words."""
    references = ["a b c d", "a", "a b", "a b c"] * 2
    hypotheses = ["a b", "a", "c b", "a b c d", "", "a", "a b", "c"]
    speaker = np.array([0, 0, 1, 1, 2, 2, 2, 3])
    counts = count_errors(references, hypotheses)
    actual = resample_rate(counts, speaker, resamples=50, seed=3)
    draws = np.random.default_rng(3).multinomial(4, np.full(4, 0.25), size=50)
    expected = [counts.errors @ draw[speaker] / (counts.length @ draw[speaker]) for draw in draws]
    np.testing.assert_allclose(actual.samples["wer"], expected)
    assert actual.values["wer"] == counts.rate
    value, low, high = actual.intervals(limits=lambda _: (0, np.inf))["wer"]
    assert low < value < high


def test_an_alignment_has_the_words_of_both_texts_and_as_few_errors_as_can_be():
    rng = random.Random(1)
    for _ in range(80):
        reference, hypothesis = (" ".join(rng.choices(["a", "bb", "c"], k=rng.randint(0, 6))) for _ in range(2))
        pairs = aligned_words(reference, hypothesis)
        assert " ".join(word for _, word, _ in pairs if word) == reference
        assert " ".join(word for *_, word in pairs if word) == hypothesis
        assert sum(kind != "equal" for kind, *_ in pairs) == distance(reference.split(), hypothesis.split())
        for kind, word, other in pairs:
            wrong = "substitution" if word and other else "deletion" if word else "insertion"
            assert kind == ("equal" if word == other else wrong)
