"""Word and character error rates, with the errors of each utterance."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.statistics.speaker_means import resample_means

UNITS = {"wer": "words", "cer": "characters"}


class ErrorCounts(NamedTuple):
    """Errors of N utterances, int64 (N,) each; ``length``: length of the reference in words or characters."""

    substitutions: np.ndarray
    deletions: np.ndarray
    insertions: np.ndarray
    length: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(N,) sum of the three kinds of errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Total errors divided by the total length of the references; NaN if that is 0."""
        return float(self.errors.sum() / total) if (total := self.length.sum()) else float("nan")


def count_errors(references: Sequence[str], hypotheses: Sequence[str], metric: str = "wer") -> ErrorCounts:
    """Errors of each utterance, with the minimum-error alignment.

    Args:
        references: N transcripts; blanks separate words, and count as characters.
        hypotheses: N recognised texts, possibly empty.
        metric: ``wer`` or ``cer``.

    Raises:
        InputError: the numbers of texts differ, or the metric is unknown.

    Example::

        count_errors(["TURN IT ON"], ["TURN ON"]).rate  # 1 deletion in 3 words: 0.333
    """
    import jiwer  # slow import

    if len(references) != len(hypotheses) or metric not in UNITS:
        raise InputError(
            f"{len(references)} references, {len(hypotheses)} hypotheses, metric {metric!r:.20}: must be equal "
            f"numbers, and {' or '.join(UNITS)}"
        )
    if not references:
        return ErrorCounts(*np.zeros((4, 0), np.int64))
    process = jiwer.process_words if metric == "wer" else jiwer.process_characters
    plain, found = ([" ".join(text.split()) for text in texts] for texts in (references, hypotheses))
    counts = np.zeros((len(references), 4), np.int64)
    aligned = process(plain, found)
    for row, chunks, reference in zip(counts, aligned.alignments, aligned.references, strict=True):
        for chunk in chunks:
            size = max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
            if chunk.type != "equal":
                row[("substitute", "delete", "insert").index(chunk.type)] += size
        row[3] = len(reference)
    return ErrorCounts(*counts.T)


def aligned_words(reference: str, hypothesis: str) -> list[tuple[str, str, str]]:
    """The minimum-error alignment of two texts: kind, word of the reference, word of the hypothesis.

    Returns:
        Kinds are ``equal``, ``substitution``, ``deletion`` and ``insertion``; a missing word is empty.

    Example::

        aligned_words("TURN IT ON", "TURN ON")[1]  # ("deletion", "IT", "")
    """
    import jiwer  # slow import

    kinds = {"equal": "equal", "substitute": "substitution", "delete": "deletion", "insert": "insertion"}
    if not reference.split():
        return [("insertion", "", word) for word in hypothesis.split()]
    aligned = jiwer.process_words(" ".join(reference.split()), " ".join(hypothesis.split()))
    pairs = []
    for chunk in aligned.alignments[0]:
        words = aligned.references[0][chunk.ref_start_idx : chunk.ref_end_idx]
        recognised = aligned.hypotheses[0][chunk.hyp_start_idx : chunk.hyp_end_idx]
        pairs += [(kinds[chunk.type], *pair) for pair in zip_longest(words, recognised, fillvalue="")]
    return pairs


def resample_rate(
    counts: ErrorCounts,
    speaker: np.ndarray,
    metric: str = "wer",
    resamples: int = 1000,
    seed: int = 0,
    population: int = 0,
) -> Resamples:
    """The error rate of all utterances and of each bootstrap sample of speakers.

    The rate of a sample is its total errors divided by its total length (Bisani and Ney, ICASSP 2004). The samples are
    those of toolkit.metrics.statistics.speaker_means, so two systems can be compared sample by sample.

    Args:
        counts: error counts of N utterances.
        speaker: (N,) integer speaker of each utterance, from 0.
        metric: name of the rate.
        resamples, seed, population: see resample_means.
    """
    parts = {"errors": counts.errors.astype(float), "length": counts.length.astype(float)}
    means = resample_means(parts, speaker, resamples, seed, population)
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = means.samples["errors"] / means.samples["length"]
    samples[~np.isfinite(samples)] = np.nan
    return Resamples({metric: counts.rate}, {metric: samples}, {metric: means.speakers["errors"]})
