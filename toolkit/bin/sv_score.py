"""Score trials by the cosine of their embeddings: scores.txt, and metrics.json with confidence intervals.

Example: python -m toolkit.bin.sv_score --trials data/test/trials --embeddings exp/a/embeddings/test/embedding.scp \\
             --utt2spk data/test/utt2spk --data_dir data/test --output exp/a/scores/test
"""

import argparse
import json
import logging
import math
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from toolkit.bin.cli import run
from toolkit.io.ark import read_vectors
from toolkit.io.atomic import replacing
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.progress import progress
from toolkit.io.trials import Trials, check_ids, read_trials
from toolkit.metrics.bootstrap import METHOD, bootstrap_verification
from toolkit.metrics.verification import det_points

P_TARGETS = (0.01, 0.05)
_CHUNK = 1 << 14  # trials


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.sv_score``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--trials", required=True, help="'enroll test target|nontarget' or VoxCeleb's '1|0 enroll test'"
    )
    parser.add_argument("--embeddings", required=True, help="scp of embedding vectors, keyed by utterance")
    parser.add_argument("--utt2spk", required=True, help="speakers of the utterances: what the bootstrap resamples")
    parser.add_argument("--data_dir", help="its utt2noise and utt2snr, where it has them, tell the condition")
    parser.add_argument("--name", help="name of the set in reports; default: the name of data_dir, else of output")
    parser.add_argument("--output", required=True, help="folder of scores.txt and metrics.json")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of speakers for the intervals")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals, in (0, 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    return parser


def load_embeddings(path: str, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of the trials' ids, at length 1.

    Returns:
        ``(vectors (U, D) float32, row (len(trials.ids),) int)``: ``vectors[row[i]]`` belongs to ``trials.ids[i]``.

    Raises:
        InputError: an id has no embedding, or one is not finite, all zero, a matrix, or of another size than the rest.
    """
    table = read_table(path)
    check_ids(trials, table, path)
    used = trials.used_ids()
    try:
        vectors = read_vectors(table, used)
    except ValueError as error:
        raise InputError(f"{path}: the embeddings are of several sizes ({error}); embed all with one model") from None
    if vectors.ndim != 2:
        raise InputError(f"{path}: holds matrices, not vectors; give the scp of the embeddings")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    zero = np.flatnonzero(norms[:, 0] == 0)
    if zero.size:
        raise InputError(f"{path}: the embedding is all zero for {some_of([used[i] for i in zero])}; embed them again")
    number = {utt: i for i, utt in enumerate(used)}
    return vectors / norms, np.array([number.get(utt, -1) for utt in trials.ids])


def cosine_scores(vectors: np.ndarray, enroll: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Dot products of pairs of rows: vectors (U, D) of length 1, enroll and test (N,) rows -> (N,) in [-1, 1]."""
    scores = np.empty(len(enroll), dtype=vectors.dtype)
    for start in range(0, len(enroll), _CHUNK):
        part = slice(start, start + _CHUNK)
        np.einsum("nd,nd->n", vectors[enroll[part]], vectors[test[part]], out=scores[part])
    return scores


def speaker_indices(trials: Trials, path: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Speakers of both sides, numbered in C order, and how many there are.

    Raises:
        InputError: an id has no speaker, or a trial's label contradicts the speakers of its ids.
    """
    utt2spk = read_table(path)
    check_ids(trials, utt2spk, path)
    used = set(trials.used_ids())
    speakers = sorted({utt2spk[utt] for utt in used}, key=str.encode)
    number = {spk: i for i, spk in enumerate(speakers)}
    spk = np.array([number[utt2spk[utt]] if utt in used else -1 for utt in trials.ids])
    enroll, test = spk[trials.enroll], spk[trials.test]
    odd = np.flatnonzero((enroll == test) != trials.is_target)
    if odd.size:
        enroll_id, test_id = trials.ids[trials.enroll[odd[0]]], trials.ids[trials.test[odd[0]]]
        raise InputError(
            f"{path}: speakers {utt2spk[enroll_id]} and {utt2spk[test_id]} of trial '{enroll_id} {test_id}' contradict "
            f"its label ({odd.size} such trials); is it the utt2spk of these trials?"
        )
    return enroll, test, len(speakers)


def condition(data_dir: str | None) -> dict:
    """``{"noise": kind | "clean" | "mixed", "snr": dB | None | "mixed"}`` by the data dir's tables."""
    if data_dir is None:
        return {"noise": "clean", "snr": None}
    tables, noises, snrs = DataDir(data_dir), {"clean"}, {None}
    if "utt2noise" in tables:
        noises = set(tables.table("utt2noise").values())
    elif "utt2snr" in tables:
        raise InputError(f"{data_dir}: has utt2snr but no utt2noise, which names the kind of noise; add it")
    if "utt2snr" in tables:
        snrs = {_decibels(value, utt, data_dir) for utt, value in tables.table("utt2snr").items()}
    return {
        "noise": noises.pop() if len(noises) == 1 else "mixed",
        "snr": snrs.pop() if len(snrs) == 1 else "mixed",
    }


def _decibels(text: str, utt: str, data_dir: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value) or value == -math.inf:
        raise InputError(f"{data_dir}/utt2snr: {utt}: {text!r} is no number of dB")
    if math.isinf(value):  # no noise at all
        return None
    return int(value) if value.is_integer() else value


def _shown(draws: Iterable) -> Iterable:
    with progress(len(draws), "bootstrap", "draws") as bar:
        for draw in draws:
            yield draw
            bar.update()


def measure(scores: np.ndarray, trials: Trials, speakers: tuple[np.ndarray, np.ndarray, int], args) -> dict:
    """What metrics.json says of the scores; EER in per cent, minDCF normalised."""
    enroll, test, n_speakers = speakers
    logging.info("%d trials of %d speakers; bootstrap with %d resamples", len(trials), n_speakers, args.resamples)
    values = bootstrap_verification(
        scores, trials.is_target, enroll, test, P_TARGETS, args.resamples, args.level, args.seed, _shown
    )
    metrics = {}
    for name, interval in values.items():
        scale, unit = (100.0, "%") if name == "eer" else (1.0, "")
        numbers = [None if math.isnan(x) else round(scale * x, 6) for x in interval]
        metrics[name] = dict(zip(("value", "low", "high"), numbers, strict=True)) | {"unit": unit}
    fpr, fnr = det_points(scores[trials.is_target], scores[~trials.is_target])
    return {
        "n_target": int(trials.is_target.sum()),
        "n_nontarget": int((~trials.is_target).sum()),
        "n_speakers": n_speakers,
        "metrics": metrics,
        "det": {"fpr": fpr.round(7).tolist(), "fnr": fnr.round(7).tolist()},
        "bootstrap": {
            "resamples": args.resamples,
            "level": args.level,
            "unit": "speaker",
            "seed": args.seed,
            "method": METHOD,
        },
    }


def main(argv=None) -> None:
    """Write scores.txt and metrics.json."""
    args = get_parser().parse_args(argv)
    if args.resamples < 1 or not 0 < args.level < 1:
        raise InputError(f"--resamples {args.resamples} must be at least 1, --level {args.level} between 0 and 1")
    trials = read_trials(args.trials)
    if trials.is_target.all() or not trials.is_target.any():
        raise InputError(f"{args.trials}: all trials are of one kind; error rates need targets and nontargets")
    name = args.name or Path(args.data_dir or args.output).resolve().name
    where = condition(args.data_dir)
    speakers = speaker_indices(trials, args.utt2spk)
    vectors, row = load_embeddings(args.embeddings, trials)
    scores = cosine_scores(vectors, row[trials.enroll], row[trials.test])
    metrics = {"set": name, "condition": where} | measure(scores, trials, speakers, args)
    output = Path(args.output)
    with replacing(output / "scores.txt") as handle:
        handle.writelines(f"{a} {b} {s:.6f}\n" for (a, b), s in zip(trials.pairs(), scores.tolist(), strict=True))
    with replacing(output / "metrics.json") as handle:
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in metrics.items())
        handle.write("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{name}: EER {metrics['metrics']['eer']['value']:.2f} % over {len(trials)} trials, {output}/metrics.json")


if __name__ == "__main__":
    sys.exit(run(main))
