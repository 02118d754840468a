"""Scoring of speaker verification: trials and embedding arks to score files, AS-norm's statistics, error rates.

The peers of the first two rows are written here, after wespeaker's public scorer and score normalisation: a dictionary
of embeddings that kaldiio loads one by one, a loop over the trials with scikit-learn's cosine_similarity; the whole
matrix of cohort scores, sorted. The loop runs over a part of the trials and its time is scaled, as the table notes.
"""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from benchmark.harness import Peer, Record, compare, digits, measure, peak_mib, row

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table
from toolkit.io.scores import write_scores
from toolkit.io.trials import Trials, write_trials
from toolkit.metrics.verification.error_rates import verification_metrics
from toolkit.metrics.verification.score_norm import cohort_statistics
from toolkit.tasks.verification.trial_scoring import load_trials, trial_scores

DIM = 192
P_TARGETS = (0.01, 0.05)


def unit_vectors(count: int, seed: int) -> np.ndarray:
    """(count, DIM) float32 of length 1."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIM), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@cache
def trial_folder(num_trials: int, num_utts: int, speakers: int) -> tuple[Path, tempfile.TemporaryDirectory]:
    """``trials``, ``utt2spk`` and two arks with their scp, in a folder of their own."""
    folder = tempfile.TemporaryDirectory()
    path, vectors, table = Path(folder.name), unit_vectors(num_utts, 0), {}
    ids = [f"id{i % speakers + 10001:05d}/voice{i:07d}/00001.wav" for i in range(num_utts)]
    for part in range(2):
        with ArkWriter(path / f"embedding.{part}.ark") as ark:
            for i in range(part, num_utts, 2):
                ark.write(ids[i], vectors[i])
        table |= ark.scp
    write_table(path / "embedding.scp", table)
    write_table(path / "utt2spk", {key: key.split("/")[0] for key in ids})
    rng = np.random.default_rng(1)
    enroll = rng.integers(num_utts, size=num_trials).astype(np.int32)
    step = rng.integers(1, num_utts // speakers, size=num_trials) * speakers  # to another utterance of the speaker
    other = rng.integers(num_utts, size=num_trials)
    test = np.where(rng.random(num_trials) < 0.5, (enroll + step) % (num_utts - num_utts % speakers), other)
    same = enroll % speakers == test % speakers
    write_trials(path / "trials", Trials(ids, enroll, test.astype(np.int32), same))
    return path, folder


def our_scores(path: Path) -> str:
    """From text and arks to text, as score_trials does it."""
    actual = load_trials(path / "trials", path / "utt2spk")
    scores, _ = trial_scores(actual, path / "embedding.scp", "cosine", "none", None, 300)
    write_scores(path / "scores.txt", actual.trials, scores)
    return (path / "scores.txt").read_text()


def loop_scores(path: Path, most: int | None = None) -> str:
    """A loop over the trials, with an array of (1, DIM) for each side."""
    import kaldiio
    from sklearn.metrics.pairwise import cosine_similarity

    lines = (path / "embedding.scp").read_text().splitlines()
    embeddings = {key: kaldiio.load_mat(value) for key, value in map(str.split, lines)}
    with open(path / "trials") as trials, open(path / "loop.txt", "w") as out:
        for number, line in enumerate(trials):
            if number == most:
                break
            enroll, test, _ = line.split()
            score = cosine_similarity(embeddings[enroll].reshape(1, -1), embeddings[test].reshape(1, -1))[0][0]
            out.write(f"{enroll} {test} {score:.6f}\n")
    return (path / "loop.txt").read_text()


@row("580k trials from ark to text")
def trials_to_text():
    """The peer's loading is timed on its own; its loop on a part of the trials, and scaled."""
    num_trials, part = 580_000, 5_000
    path, _ = trial_folder(num_trials, 145_000, 1_250)
    ours = our_scores(path).splitlines()[:part]
    for one, two in zip(ours, loop_scores(path, part).splitlines(), strict=True):
        assert one.split()[:2] == two.split()[:2], f"{one} and {two}"
        assert abs(float(one.split()[2]) - float(two.split()[2])) < 2e-6, f"{one} and {two}"
    calls = {
        "ours": lambda: our_scores(path),
        "load": lambda: loop_scores(path, 0),
        "part": lambda: loop_scores(path, part),
    }
    actual = measure(calls, rounds=3)

    def whole(kind: str) -> np.ndarray:
        load, loaded_and_part = (np.array(getattr(actual[name], kind)) for name in ("load", "part"))
        return load + (loaded_and_part - load) * num_trials / part

    ratios, target = whole("cpu") / actual["ours"].cpu, 50
    return [
        Record(
            ours=f"{digits(float(np.median(actual['ours'].cpu)))} s",
            theirs=f"{digits(float(np.median(whole('cpu'))))} s (scaled from {part:,} trials)",
            peer="a loop as wespeaker's (kaldiio, scikit-learn)",
            ratio=float(np.median(ratios)),
            low=float(ratios.min()),
            high=float(ratios.max()),
            wall=float(np.median(whole("wall") / actual["ours"].wall)),
            target=f">= {target}",
            met=bool(np.median(ratios) >= target),
        )
    ]


def sorted_statistics(vectors: np.ndarray, cohort: np.ndarray, top: int) -> np.ndarray:
    """Mean and standard deviation of the top scores, by the whole matrix."""
    scores = np.sort(np.matmul(vectors, cohort.T), axis=1)[:, ::-1][:, :top]
    return np.stack([scores.mean(1), scores.std(1)])


@row("AS-norm statistics, 20k x 6000, top 300")
def as_norm():
    """Time, and memory beyond what the vectors take."""
    vectors, cohort, top = unit_vectors(20_000, 2), unit_vectors(6_000, 3), 300
    near = lambda ours, theirs: np.testing.assert_allclose(ours, theirs, atol=1e-6)  # noqa: E731
    peer = Peer(
        "whole matrix, sorted, as wespeaker's", lambda: lambda: sorted_statistics(vectors, cohort, top), target=2
    )
    records = compare(lambda: cohort_statistics(vectors, cohort, top), [peer], agree=near, rounds=5)
    ours = peak_mib(lambda: cohort_statistics(vectors, cohort, top))
    theirs = peak_mib(lambda: sorted_statistics(vectors, cohort, top))
    less = theirs / ours
    figures = f"{digits(ours)} MiB", f"{digits(theirs)} MiB", peer.name, less, less, less
    return [*records, Record(*figures, target=">= 5", met=less >= 5, row="AS-norm statistics, memory")]


def roc_metrics(scores: np.ndarray, labels: np.ndarray) -> list[float]:
    """EER and minDCFs from scikit-learn's curve."""
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    fnr = 1 - tpr
    at = int(np.argmax(fnr <= fpr))  # the curve meets FNR = FPR on the way from the point before
    before, after = fnr[at - 1] - fpr[at - 1], fnr[at] - fpr[at]
    eer = fnr[at - 1] + before / (before - after) * (fnr[at] - fnr[at - 1])
    return [eer, *(float(np.min(p * fnr + (1 - p) * fpr)) / p for p in P_TARGETS)]


def error_rates(num_trials: int, share: float, target: float, rounds: int):
    """EER and two minDCFs of normal scores in one array, of which ``share`` are targets."""
    rng = np.random.default_rng(4)
    labels = rng.random(num_trials) < share
    scores = rng.standard_normal(num_trials, dtype=np.float32) + 3.5 * labels.astype(np.float32)

    def scikit_learn():
        import sklearn.metrics  # noqa: F401

        return lambda: roc_metrics(scores, labels)

    return compare(
        lambda: list(verification_metrics(scores[labels], scores[~labels], P_TARGETS).values()),
        [Peer("roc_curve", scikit_learn, "scikit-learn", target=target)],
        agree=lambda ours, theirs: np.testing.assert_allclose(ours, theirs, atol=1e-6),
        amount=num_trials / 1e6,
        unit="M trials/s",
        rounds=rounds,
    )


row("EER, 2 minDCF, 580k trials, half targets")(lambda: error_rates(580_000, 0.5, 2, 7))
row("EER, 2 minDCF, 37M trials, half targets")(lambda: error_rates(37_000_000, 0.5, 10, 3))
