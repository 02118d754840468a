"""Results as types: an estimate with its interval, a group of trials or utterances, a set, an experiment.

The programs of stage 8 write a :class:`SetSummary` (:func:`write_summary`), which reports read (:func:`set_of`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple

from toolkit.io.atomic import replacing
from toolkit.metrics.metric import Metric
from toolkit.metrics.recognition import registry as recognition
from toolkit.metrics.signal import registry as signal
from toolkit.metrics.verification import registry as verification

_ALWAYS = {"written": True}  # fields that JSON holds even where they have their default


class Condition(NamedTuple):
    """Kind of noise and SNR in dB; ``("clean", None)``; ``mixed`` where a set has several."""

    noise: str
    snr: Any

    @property
    def is_mixed(self) -> bool:
        """Has the set several conditions?"""
        return "mixed" in self

    def __str__(self) -> str:
        """``babble, 5 dB``."""
        return self.noise if self.snr is None else f"{self.noise}, {self.snr:g} dB"

    @property
    def order(self) -> tuple:
        """Sort key: clean first, then by noise and SNR; mixed conditions last."""
        snr = float("-inf") if self.snr is None else self.snr
        return (2,) if self.is_mixed else (int(self.noise != "clean"), self.noise, snr)


CLEAN = Condition("clean", None)


@dataclass(frozen=True)
class Estimate:
    """A metric of a set, in its unit, with its interval; None: unknown.

    Attributes:
        value, low, high: the estimate and the ends of its interval.
        unit: of the three.
        n: utterances behind it.
        undefined: reason -> utterances that have no value.
        infinite: ``inf``, ``-inf`` -> utterances left out of the mean.
        counts: of an error rate: substitutions, deletions, insertions, and the length of the references.
    """

    value: Any
    low: Any = field(default=None, metadata=_ALWAYS)
    high: Any = field(default=None, metadata=_ALWAYS)
    unit: str = field(default="", metadata=_ALWAYS)
    n: int | None = None
    undefined: Mapping[str, int] | None = None
    infinite: Mapping[str, int] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Metrics of some trials or utterances, and their number."""

    metrics: Mapping[str, Estimate]
    n_speakers: int | None = None
    n_utterances: int | None = None
    n_target: int | None = None
    n_nontarget: int | None = None
    note: str = field(default="", metadata=_ALWAYS)


@dataclass(frozen=True)
class Grouping:
    """A set by one fact: label -> the group, and how many trials (of each kind) or utterances are in none."""

    groups: Mapping[str, Summary]
    left_out: Any


@dataclass(frozen=True)
class SetSummary(Summary):
    """A set, scored.

    Attributes:
        name: of the set, or what a mean is over.
        condition: of its recordings.
        test_set: the set to whose recordings the noise was added.
        folder: of its scores; empty: of a mean.
        bootstrap: how intervals were made: resamples, level, seed, unit, method.
        interval_speakers: speakers behind the intervals.
        n_target_within_session: target trials within one recording session; None: sessions are unknown.
        breakdown: fact -> groups.
        det: points of the curve: fpr, fnr.
        scoring, calibration: how scores were made.
        variant: the parameter of a sweep and its value, as the program that made the outputs declared them.
        of: the sets of a mean.
    """

    name: str = ""
    condition: Condition = field(default=CLEAN, metadata=_ALWAYS)
    test_set: str = ""
    folder: str = ""
    bootstrap: Mapping[str, Any] = field(default_factory=dict)
    interval_speakers: int | None = None
    n_target_within_session: int | None = None
    breakdown: Mapping[str, Grouping] = field(default_factory=dict)
    det: Mapping[str, Sequence[float]] = field(default_factory=dict)
    scoring: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    variant: Mapping[str, Any] = field(default_factory=dict)
    of: Sequence[str] = ()


@dataclass
class Scores:
    """Scored sets by name, and means over them."""

    sets: list[SetSummary]
    means: list[SetSummary] = field(default_factory=list)

    @property
    def every_set(self) -> Iterator[SetSummary]:
        """Means over sets first, then the sets."""
        yield from self.means
        yield from self.sets


@dataclass
class Experiment(Scores):
    """An experiment, scored by one backend.

    Attributes:
        name: in tables.
        expdir: its folder.
        scores: the folder in it that holds the scores.
        config_path, config: of training, if there was one.
        seed, commit, date: of training; date, in ISO 8601, else of the scores.
        train: content of train_info.json.
        variants: name -> other scores of the same system (``absent``, ``enroll2s``).
        row_means: means over the conditions of one test set each, where there are several.
        names_test_set: do its rows name the test set, though it has one?
        enhancer, beta: of scores of enhanced audio: the experiment that enhanced it, and the share of the mixture.
    """

    name: str = ""
    expdir: str = ""
    scores: str = "scores"
    config_path: str | None = None
    config: dict | None = None
    seed: int | None = None
    commit: str | None = None
    date: str = ""
    train: dict = field(default_factory=dict)
    variants: dict[str, Scores] = field(default_factory=dict)
    row_means: list[SetSummary] = field(default_factory=list)
    names_test_set: bool = False
    enhancer: str = ""
    beta: float = 0.0

    @property
    def is_trained_here(self) -> bool:
        """Is it neither untrained nor a network with weights that others trained?"""
        return bool(self.train) and "pretrained" not in self.train


def metric_of(name: str) -> Metric:
    """How a metric of any task is shown; KeyError if it is unknown."""
    others = verification.METRICS | recognition.METRICS
    return others[name] if name in others else signal.metric_of(name)


def estimates(intervals: Mapping[str, tuple[float, float, float]]) -> dict[str, Estimate]:
    """Estimates of metrics by ``(value, low, high)`` as they are computed; NaN: unknown."""
    named = {name: dict(zip(("value", "low", "high"), interval, strict=True)) for name, interval in intervals.items()}
    return {name: Estimate(**metric_of(name).in_units(numbers)) for name, numbers in named.items()}


def condition_facts(condition: Mapping) -> dict[str, Any]:
    """``condition`` and ``test_set`` of a set, by toolkit.io.conditions.read_condition."""
    return {
        "condition": Condition(condition["noise"], condition["snr"]),
        "test_set": condition.get("test_set", ""),
    }


def set_of(content: Mapping, folder: str = "") -> SetSummary:
    """A metrics.json or result.json. Earlier versions wrote no ``test_set``; there the set is named after it."""
    noise, snr = content["condition"]["noise"], content["condition"]["snr"]
    test_set = content["set"].removesuffix(f"_{noise}" if snr is None or snr == "mixed" else f"_{noise}_{snr:g}")
    breakdown = {
        fact: Grouping(
            {label: Summary(**_known(Summary, group)) for label, group in by["groups"].items()}, by["left_out"]
        )
        for fact, by in content.get("breakdown", {}).items()
    }
    others = {"name": content["set"], "condition": Condition(noise, snr), "folder": folder, "of": ()}
    others |= {"test_set": content["condition"].get("test_set", test_set), "breakdown": breakdown}
    return SetSummary(**_known(SetSummary, content) | others)


def _known(kind: type, content: Mapping) -> dict:
    known = {item.name: content[item.name] for item in fields(kind) if item.name in content}
    if "metrics" in known:
        metrics = (known["metrics"] or {}).items()
        known["metrics"] = {name: Estimate(**_known(Estimate, metric)) for name, metric in metrics}
    return known


def write_summary(path, summary: SetSummary) -> None:
    """Write a metrics.json or result.json, which :func:`set_of` reads; a line for each key."""
    content = to_json(summary)
    test_set = {"test_set": content.pop("test_set")} if summary.test_set else {}
    content = {"set": content.pop("name"), "condition": content.pop("condition") | test_set} | content
    with replacing(path) as handle:
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
        handle.write("{\n" + ",\n".join(lines) + "\n}\n")


def to_json(value):
    """A result as JSON holds it; of a dataclass what differs from its default, or is always written."""
    if isinstance(value, Summary) and not value.metrics:
        return {"metrics": None} | {name: part for name, part in _parts(value) if name != "metrics"}
    if is_dataclass(value):
        return dict(_parts(value))
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, float) and value != value:  # JSON has no NaN
        return None
    return [to_json(part) for part in value] if isinstance(value, (list, tuple)) else value


def _parts(value) -> Iterator[tuple[str, Any]]:
    for item in fields(value):
        part = getattr(value, item.name)
        if item.metadata or part != _default(item):
            yield item.name, to_json(part)


def _default(item: Field):
    return item.default if item.default_factory is MISSING else item.default_factory()
