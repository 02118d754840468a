"""The work of `voxsift calibrate`: embeddings of speakers' recordings, trials, fit, errors with intervals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.cli.shared.failures import Failures
from toolkit.cli.shared.inputs import Input, speakers_of
from toolkit.cli.shared.outputs import json_text
from toolkit.cli.shared.systems import load_system
from toolkit.io.errors import InputError, counted
from toolkit.io.progress import progress
from toolkit.io.trials import Trials, make_trials
from toolkit.metrics.statistics.bootstrap import RATE, resample_verification
from toolkit.metrics.verification.calibration import bayes_threshold
from toolkit.metrics.verification.cross_validation import cross_validated_llrs, resample_error_rates
from toolkit.metrics.verification.registry import METRICS
from toolkit.metrics.verification.vectors import dot_scores
from toolkit.systems.calibration_file import calibration_of, fitted_content, write_calibration
from toolkit.systems.inference.verifier_base import VerifierBase

_BACKEND = {"scoring": "cosine", "score_norm": "none"}  # of Verifier.score


def calibrate(args) -> None:
    """Fit and write by the options of ``voxsift calibrate``."""
    output = Path(args.output)
    if output.exists() and not args.overwrite:
        raise InputError(f"{output}: is there already; give another file, or --overwrite")
    speakers = speakers_of(args.folder)
    utt2spk = {recording.key: name for name, recordings in speakers.items() for recording in recordings}
    inputs = {recording.key: recording for recordings in speakers.values() for recording in recordings}
    trials = trials_of(args.folder, utt2spk, args.max_trials, args.seed)
    verifier = load_system("sv", args)
    vectors = _vectors(verifier, [inputs[utt] for utt in trials.ids], args.channel)
    scores, is_target = dot_scores(vectors, vectors, trials.enroll, trials.test), trials.is_target
    content = fitted_content(scores, is_target, args.p_target, [args.folder], [args.folder], _BACKEND)
    speaker = np.unique([utt2spk[utt] for utt in trials.ids], return_inverse=True)[1]
    pairs = speaker[trials.enroll], speaker[trials.test]
    samples = resample_verification(scores, is_target, *pairs, (), args.resamples, args.seed)
    interval = dict(zip(("value", "low", "high"), samples.intervals(args.level)["eer"], strict=True))
    content |= {
        "eer": METRICS["eer"].in_units(interval) | {"level": args.level},
        **_error_rates(content, scores, is_target, args.p_target),
        "cross_validation": _cross_validated(scores, is_target, *pairs, args),
        "n_speakers": len(set(speaker.tolist())),
        "n_recordings": len(trials.ids),
        "extractor": verifier.identity,
    }
    write_calibration(output, content)
    print(json_text(content) if args.json else _line(output, content))


def trials_of(folder: str, utt2spk: Mapping[str, str], most: int, seed: int) -> Trials:
    """All pairs of recordings; of targets and of nontargets no more than ``most``, drawn by ``seed``.

    Raises:
        InputError: there are no targets, or no nontargets.
    """
    counts = np.array(list(Counter(utt2spk.values()).values()))
    targets = int((counts * (counts - 1) // 2).sum())
    nontargets = len(utt2spk) * (len(utt2spk) - 1) // 2 - targets
    if not (targets and nontargets):
        raise InputError(
            f"{folder}: has {counted(len(counts), 'speaker')}, {int((counts > 1).sum())} with two recordings or more; "
            f"expected {folder}/<speaker>/*.wav, two speakers or more, and two recordings of each"
        )
    return make_trials(utt2spk, min(nontargets, most), num_targets=min(targets, most), seed=seed)


def _vectors(verifier: VerifierBase, inputs: Sequence[Input], channel) -> np.ndarray:
    """(U, D) embeddings at unit length. Raises InputError that names all bad recordings."""
    vectors, failures = [], Failures(inputs)
    with progress(len(inputs), "embed", "recordings") as bar:
        for recording in inputs:
            with failures.of(recording):
                blocks = recording.blocks_at(verifier.fs, verifier.block_seconds, channel)
                vectors.append(verifier.embed_blocks(blocks, f"{recording.name}: the recording"))
            bar.update()
    failures.check()
    return np.stack(vectors)


def _error_rates(content: dict, scores: np.ndarray, is_target: np.ndarray, prior: float) -> dict[str, float]:
    """Shares of true speakers that are rejected, and of others that are accepted, of the trials of the fit."""
    accepted = calibration_of(content)(scores) >= bayes_threshold(prior)
    return {
        "false_rejection": float((~accepted)[is_target].mean()),
        "false_acceptance": float(accepted[~is_target].mean()),
    }


def _cross_validated(scores, is_target, enroll, test, args) -> dict | None:
    """Both shares with intervals, by calibrations that are fitted without the speakers of a trial."""
    llrs = cross_validated_llrs(scores, is_target, enroll, test, args.p_target, args.seed)
    if llrs is None:
        return None
    accepted = llrs >= bayes_threshold(args.p_target)
    samples = resample_error_rates(accepted, is_target, enroll, test, args.resamples, args.seed)
    ends = {}
    for name, triple in samples.intervals(args.level, lambda _: RATE).items():
        ends[name] = {end: None if np.isnan(x) else x for end, x in zip(("value", "low", "high"), triple, strict=True)}
    return ends | {"level": args.level}


def _percent(rate: Mapping, scale: float = 100) -> str:
    interval = "" if rate["low"] is None else f" [{scale * rate['low']:.2f}, {scale * rate['high']:.2f}]"
    return f"{scale * rate['value']:.2f} %{interval}"


def _line(output: Path, content: dict) -> str:
    held_out, known = content["cross_validation"], "on speakers that it was not fitted on (cross-validation)"
    if held_out is None:
        held_out = {name: {"value": content[name], "low": None} for name in ("false_rejection", "false_acceptance")}
        known = "on the speakers that it was fitted on (too few for cross-validation)"
    return (
        f"{output}: llr = {content['scale']:.4g} * cosine {content['offset']:+.4g}, fitted on {content['n_target']} "
        f"target and {content['n_nontarget']} nontarget trials of {content['n_speakers']} speakers\n"
        f"EER {_percent(content['eer'], 1)}; at a prior of {content['p_target']:g} it rejects "
        f"{_percent(held_out['false_rejection'])} of true speakers and accepts "
        f"{_percent(held_out['false_acceptance'])} of others, {known}"
    )
