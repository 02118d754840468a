"""The content of result.json for estimated signals of a set: means with intervals, counts of undefined values."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.enrolment import sides_of
from toolkit.io.errors import InputError, some_of
from toolkit.io.trials import Trials
from toolkit.metrics.signal.registry import METRICS, metric_of, present_name
from toolkit.metrics.statistics.speaker_means import METHOD, mean_intervals, resample_means
from toolkit.report.enhancement.utterance_values import NO_REASON, UtteranceValues, parse_reasons, reasons_of_mixture
from toolkit.report.summaries import Estimate, Grouping, SetSummary, Summary, estimates
from toolkit.tasks.verification.trial_groups import TrialGroups, group_trials
from toolkit.tasks.verification.trial_scoring import TrialSet
from toolkit.tasks.verification.trial_summary import FEW_SPEAKERS, Bootstrap

_UNEXPLAINED = "no reason given"
_UNPAIRED = "no value before or after"


def load_values(folder, input_folder=None) -> UtteranceValues:
    """Read the tables of a set as score_audio writes them.

    Args:
        folder: ``utt2spk``, ``utt2<metric>``, ``utt2undefined``.
        input_folder: the same of the mixtures, scored as if they were estimates, for what has no ``utt2<metric>_mix``.

    Raises:
        InputError: there is no table of a metric, a value is not a number, or tables are of different utterances.
    """
    if Path(folder).is_dir() and not Path(folder, "utt2spk").is_file():
        raise InputError(
            f"{folder}: holds no metrics of a set; name a folder that stage 8 wrote, exp/<name>/metrics/<set>"
        )
    data = DataDir(folder)
    utts = list(data.keys())
    tables = {present_name(table.removeprefix("utt2")): table for table in data.tables()}
    names = [name for name in METRICS if name in tables]
    if not names:
        raise InputError(f"{data.path}: holds no utt2<metric>; score the set (stage 8, score_audio) first")
    before = None if input_folder is None else DataDir(input_folder)
    values, undefined = {}, _reasons(data, utts)
    for name in names:
        values[name] = _column(data, tables[name], utts)
        if f"{name}_mix" in tables:
            values[f"{name}_mix"] = _column(data, tables[f"{name}_mix"], utts)
        elif before and f"utt2{name}" in before:
            values[f"{name}_mix"] = _column(before, f"utt2{name}", utts)
        if f"{name}_mix" in values:
            with np.errstate(invalid="ignore"):
                values[f"{name}i"] = _finite(values[name]) - _finite(values[f"{name}_mix"])
    if before:
        of_mixture = _reasons(before, utts)
        undefined = {utt: why | reasons_of_mixture(of_mixture[utt]) for utt, why in undefined.items()}
    return UtteranceValues(data.path.name, utts, *data.labels(utts), values, undefined)


def _column(data: DataDir, table: str, utts: Sequence[str]) -> np.ndarray:
    rows = data.table(table)
    if missing_ids := [utt for utt in utts if utt not in rows]:
        raise InputError(f"{data.path / table}: lacks {some_of(missing_ids)}; score the set again")
    try:
        return np.array([float(rows[utt]) for utt in utts])
    except ValueError as error:
        raise InputError(f"{data.path / table}: a value must be a number ({error}); score the set again") from None


def _reasons(data: DataDir, utts: Sequence[str]) -> dict[str, dict[str, str]]:
    rows = data.table("utt2undefined") if "utt2undefined" in data else {}
    return {utt: parse_reasons(rows.get(utt, NO_REASON)) for utt in utts}


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, np.nan)


def summarise_values(
    scored: UtteranceValues, bootstrap: Bootstrap, groupings: Sequence[TrialGroups] = (), **facts
) -> SetSummary:
    """The summary of a set; ``facts``: its condition, test_set, variant."""
    if len(scored.speakers) < 2:
        logging.warning("%s: no intervals: its utterances are of one speaker, and speakers are resampled", scored.name)
    whole = _summary(scored, np.ones(len(scored.utts), dtype=bool), bootstrap)
    breakdown = {
        of.fact: Grouping(
            {label: Summary(**_summary(scored, in_group, bootstrap)) for label, in_group in of.groups.items()},
            int(of.left_out.sum()),
        )
        for of in groupings
    }
    method = bootstrap.facts() | {"method": METHOD}
    return SetSummary(**whole, name=scored.name, bootstrap=method, breakdown=breakdown, **facts)


def _summary(scored: UtteranceValues, in_group: np.ndarray, bootstrap: Bootstrap) -> dict:
    """The fields of the Summary of a group (N,) bool."""
    names, speaker = np.unique(scored.speaker[in_group], return_inverse=True)
    values = {name: column[in_group] for name, column in scored.values.items()}
    samples = resample_means(values, speaker, bootstrap.resamples, bootstrap.seed)
    undefined = [scored.undefined[utt] for utt, is_member in zip(scored.utts, in_group, strict=True) if is_member]
    means = estimates(mean_intervals(samples, bootstrap.level))
    return {
        "metrics": {name: replace(mean, **_counts(name, values[name], undefined)) for name, mean in means.items()},
        "n_utterances": int(in_group.sum()),
        "n_speakers": len(names),
        "note": "few speakers" if len(names) < FEW_SPEAKERS else "",
    }


def _counts(name: str, values: np.ndarray, undefined: Sequence[Mapping[str, str]]) -> dict:
    """Number of utterances behind the mean, and why the others have no value."""
    missing = np.flatnonzero(np.isnan(values)).tolist()
    unknown = _UNEXPLAINED if name in METRICS or name.endswith("_mix") else _UNPAIRED
    reasons = Counter(undefined[i].get(name, unknown) for i in missing)
    infinite = {word: int(count) for word in ("inf", "-inf") if (count := (values == float(word)).sum())}
    return {"n": int(np.isfinite(values).sum()), "undefined": dict(reasons.most_common()), "infinite": infinite}


def group_values(fact: str, data: DataDir, scored: UtteranceValues, edges: Sequence[float] = (), fs: int | None = None):
    """Groups of utterances: those of toolkit.tasks.verification.trial_groups, or ``gender_pair``.

    ``gender_pair`` reads spk2gender, and for the interferer utt2interferer_gender or, of utt2interferer, spk2gender.
    """
    if fact == "gender_pair":
        return _gender_pairs(data, scored)
    # An utterance is a trial of itself against itself.
    index = np.arange(len(scored.utts))
    trials = Trials(scored.utts, index, index, np.ones(len(index), dtype=bool))
    return group_trials(fact, data, TrialSet(trials, sides_of(trials), scored.speakers, scored.speaker), edges, fs)


def _gender_pairs(data: DataDir, scored: UtteranceValues) -> TrialGroups:
    tables = [name for name in ("utt2interferer_gender", "utt2interferer") if name in data]
    if not tables or "spk2gender" not in data:
        raise InputError(
            f"{data.path}: --breakdown gender_pair needs spk2gender, and utt2interferer_gender or utt2interferer"
        )
    genders, others = data.table("spk2gender"), data.table(tables[0])
    if tables[0] == "utt2interferer":
        others = {utt: genders.get(spk, "") for utt, spk in others.items()}
    targets = [genders.get(scored.speakers[i], "") for i in scored.speaker]
    pairs = [(target, others.get(utt, "")) for utt, target in zip(scored.utts, targets, strict=True)]
    labels = np.array(["-".join(pair) if all(pair) else "" for pair in pairs])
    groups = {label: labels == label for label in c_sorted(set(labels.tolist()) - {""})}
    return TrialGroups("gender_pair", groups, labels == "")


def line_of(metrics: Mapping[str, Estimate], name: str) -> str:
    """``SI-SDR 12.30 dB [11.00, 13.60], input 2.10, 3 undefined``."""
    mean, metric = metrics[name], metric_of(name)

    def number(x) -> str:
        return "-" if x is None else f"{x:.{metric.digits}f}"

    interval = "" if mean.low is None else f" [{number(mean.low)}, {number(mean.high)}]"
    line = f"{metric.label} {number(mean.value)}{' ' * bool(metric.unit)}{metric.unit}{interval}"
    if f"{name}_mix" in metrics:
        line += f", input {number(metrics[f'{name}_mix'].value)}"
    missing = {"undefined": mean.undefined, "infinite": mean.infinite}
    return line + "".join(f", {sum(of.values())} {what}" for what, of in missing.items() if of)
