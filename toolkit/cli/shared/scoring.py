"""The work of `voxsift score`: the metrics of stage 8 on any files."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.cli.shared.inputs import Input, inputs_of, readable
from toolkit.cli.shared.outputs import json_text
from toolkit.data.text_units import EMPTY
from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.progress import progress
from toolkit.io.scores import check_labels, read_scores, scores_of
from toolkit.io.trials import check_ids, check_kinds, read_trials
from toolkit.metrics.metric import Metric
from toolkit.metrics.recognition import registry as recognition
from toolkit.metrics.recognition.word_errors import count_errors, resample_rate
from toolkit.metrics.signal.registry import METRICS, check_metrics, compute, names_that_need, present_name
from toolkit.metrics.statistics.bootstrap import Resamples, resample_verification
from toolkit.metrics.verification import registry as verification
from toolkit.systems.calibration_file import calibration_of, read_calibration
from toolkit.tasks.verification.trial_scoring import load_trials

_WHOLE = 1e9  # seconds: a metric needs the whole recording


def refuse_several(inputs: Sequence[str]) -> None:
    """Raise InputError: one file of results is scored at a time."""
    raise InputError(f"{inputs[1]}: is a second file of results; score one at a time")


def score_audio(args) -> None:
    """Each metric of each recording, and the mean."""
    metrics = list(dict.fromkeys(map(present_name, args.metrics)))
    check_metrics(metrics)
    if timed := names_that_need("turns", metrics):
        raise InputError(f"--metrics {timed[0]}: needs the turns of the speakers; use a recipe, or leave it out")
    if (needy := names_that_need("reference", metrics)) and not args.reference:
        raise InputError(f"--metrics {needy[0]}: needs --reference, what the audio should be; or use dnsmos_ovrl")
    estimates, references = inputs_of(args.inputs), inputs_of(args.reference or [])
    rows = []
    with readable(estimates + references) as recordings, progress(len(estimates), "score", "recordings") as bar:
        estimates, references = recordings[: len(estimates)], recordings[len(estimates) :]
        pairs = _paired(estimates, references) if references else [(i, None) for i in estimates]
        for estimate, reference in pairs:
            rows.append({"input": estimate.name} | _values(estimate, reference, metrics, args.channel))
            bar.update()
    means = {name: _mean([row["metrics"][name] for row in rows]) for name in metrics}
    if args.json:
        print(json_text({"mean": means, "n": len(rows), "recordings": rows}))
        return
    shown = rows if len(rows) == 1 else [*rows, {"input": f"mean of {len(rows)}", "metrics": means, "undefined": {}}]
    for row in shown:
        print("  ".join([row["input"], *(_audio_text(name, row) for name in metrics)]))


def _paired(estimates: Sequence[Input], references: Sequence[Input]) -> list[tuple[Input, Input | None]]:
    """Each estimate with the reference of the same key; a single one with a single one, whatever their names."""
    if len(estimates) == len(references) == 1:
        return [(estimates[0], references[0])]
    by_key = {reference.key: reference for reference in references}
    if missing := [estimate.key for estimate in estimates if estimate.key not in by_key]:
        raise InputError(f"--reference lacks {counted(len(missing), 'recording')}: {some_of(missing, known=by_key)}")
    return [(estimate, by_key[estimate.key]) for estimate in estimates]


def _values(estimate: Input, reference: Input | None, metrics: Sequence[str], channel) -> dict:
    samples, fs = _whole(estimate, channel)
    target = None
    if reference is not None:
        target, rate = _whole(reference, channel)
        if rate != fs or len(target) != len(samples):
            raise InputError(
                f"{estimate.name}: has {len(samples)} samples at {fs} Hz, {reference.name} has {len(target)} at "
                f"{rate} Hz; both must be alike"
            )
    values, undefined = compute(metrics, samples, target, fs)
    return {"metrics": values, "undefined": undefined}


def _whole(recording: Input, channel) -> tuple[np.ndarray, int]:
    rate = recording.info().rate
    return np.concatenate(list(recording.blocks_at(rate, _WHOLE, channel))), rate


def _mean(values: Sequence[float]) -> float:
    """Of those that are defined."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def _audio_text(name: str, row: Mapping) -> str:
    metric, value = METRICS[name], row["metrics"][name]
    if np.isnan(value):
        return f"{metric.label} undefined ({row['undefined'].get(name, 'no value')})"
    return f"{metric.label} {metric.scale * value:.{metric.digits}f} {metric.unit}".rstrip()


def score_trials(args) -> None:
    """Error rates of a score file, with intervals over speakers where they are known."""
    resamples = args.resamples if args.utt2spk else 0
    if args.utt2spk:
        trial_set = load_trials(args.trials, args.utt2spk)
        trials, sides = trial_set.trials, trial_set.speaker_pairs()
    else:  # any speakers that agree with the labels: none is drawn
        trials = read_trials(args.trials)
        check_kinds(trials, args.trials)
        check_labels(trials, args.trials)
        sides = np.zeros(len(trials), int), (~trials.is_target).astype(int)
    scores = scores_of(trials, read_scores(args.inputs[0]), args.inputs[0], args.trials)
    calibration = calibration_of(read_calibration(args.calibration)) if args.calibration else None
    samples = resample_verification(
        scores, trials.is_target, *sides, verification.P_TARGETS, resamples, args.seed, calibration=calibration
    )
    counts = {"n_target": int(trials.is_target.sum()), "n_nontarget": int((~trials.is_target).sum())}
    _report(args, samples, verification.METRICS, counts)


def score_texts(args) -> None:
    """Word and character error rates of a table of recognised text."""
    references, hypotheses = read_table(args.transcripts), read_table(args.inputs[0])
    differing = c_sorted(references.keys() ^ hypotheses.keys())
    if differing:
        raise InputError(
            f"{args.inputs[0]}: is not of the utterances of {args.transcripts}: {some_of(differing)} "
            f"({len(differing)}) are in one of them only"
        )
    utts = c_sorted(references)
    plain, recognised = (
        ["" if table[utt] == EMPTY else table[utt] for utt in utts] for table in (references, hypotheses)
    )
    speaker, resamples = np.zeros(len(utts), int), 0
    if args.utt2spk:
        utt2spk, resamples = read_table(args.utt2spk), args.resamples
        check_ids(utts, utt2spk, args.utt2spk)
        speaker = np.unique([utt2spk[utt] for utt in utts], return_inverse=True)[1]
    rates = [
        resample_rate(count_errors(plain, recognised, name), speaker, name, resamples, args.seed)
        for name in recognition.METRICS
    ]
    joined = Resamples(
        {name: value for rate in rates for name, value in rate.values.items()},
        {name: values for rate in rates for name, values in rate.samples.items()},
        {name: count for rate in rates for name, count in rate.speakers.items()},
    )
    _report(args, joined, recognition.METRICS, {"n_utterances": len(utts)}, recognition.limits_of)


def _report(args, samples: Resamples, metrics: Mapping[str, Metric], counts: dict, limits=None) -> None:
    """Values, with intervals where speakers are resampled."""
    if samples.samples and len(next(iter(samples.samples.values()))):
        intervals = samples.intervals(args.level, limits)
    else:
        intervals = {name: (value, np.nan, np.nan) for name, value in samples.values.items()}
        logging.info("no intervals: give --utt2spk, the speakers")
    shown = {
        name: metrics[name].in_units(dict(zip(("value", "low", "high"), interval, strict=True)))
        for name, interval in intervals.items()
    }
    if args.json:
        print(json_text(counts | {"level": args.level, "metrics": shown}))
        return
    print(", ".join(f"{name} {count:,}" for name, count in counts.items()))
    for name, numbers in shown.items():
        digits, unit = metrics[name].digits, metrics[name].unit
        value, low, high = (
            "-" if numbers[key] is None else f"{numbers[key]:.{digits}f}" for key in ("value", "low", "high")
        )
        interval = "" if numbers["low"] is None else f" [{low}, {high}]"
        print(f"{metrics[name].label} {value} {unit}".rstrip() + interval)
