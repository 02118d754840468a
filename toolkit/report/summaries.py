"""Results as types: an estimate with its interval, a group of trials or utterances, a set, an experiment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json, read_yaml

CONDITION = {"noise": str, "snr": (float, "mixed", None), "test_set?": str}
_TRAIN = {
    "seed?": (int, None),
    "commit?": (str, None),
    "date?": (str, None),
    "epochs?": int,
    "steps?": int,
    "wall_seconds?": float,
    "parameters?": int,
}


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
        n: utterances behind it.
        undefined: reason -> utterances that have no value.
        infinite: ``inf``, ``-inf`` -> utterances left out of the mean.
        counts: of an error rate: substitutions, deletions, insertions, and the length of the references.
    """

    value: Any
    low: Any = None
    high: Any = None
    n: int | None = None
    undefined: Mapping[str, int] = field(default_factory=dict)
    infinite: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """Metrics of some trials or utterances, and their number."""

    metrics: Mapping[str, Estimate]
    n_speakers: int | None = None
    n_utterances: int | None = None
    n_target: int | None = None
    n_nontarget: int | None = None
    note: str = ""


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
        n_target_within_session: target trials within one recording session.
        breakdown: fact -> groups.
        det: points of the curve: fpr, fnr.
        scoring, calibration: how scores were made.
        variant: the parameter of a sweep and its value, as the program that made the outputs declared them.
        of: the sets of a mean.
    """

    name: str = ""
    condition: Condition = CLEAN
    test_set: str = ""
    folder: str = ""
    bootstrap: Mapping[str, Any] = field(default_factory=dict)
    interval_speakers: int | None = None
    n_target_within_session: int = 0
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


def summary_of(content: Mapping) -> Summary:
    """A group of a metrics.json or result.json."""
    return Summary(**_given(Summary, content) | {"metrics": _estimates(content["metrics"])})


def set_of(content: Mapping, folder: str = "") -> SetSummary:
    """A metrics.json or result.json. Earlier versions wrote no ``test_set``; there the set is named after it."""
    noise, snr = content["condition"]["noise"], content["condition"]["snr"]
    test_set = content["set"].removesuffix(f"_{noise}" if snr is None or snr == "mixed" else f"_{noise}_{snr:g}")
    breakdown = {
        fact: Grouping({label: summary_of(group) for label, group in by["groups"].items()}, by["left_out"])
        for fact, by in content.get("breakdown", {}).items()
    }
    given = _given(SetSummary, content) | {"metrics": _estimates(content["metrics"]), "breakdown": breakdown}
    given |= {"name": content["set"], "condition": Condition(noise, snr), "folder": folder, "of": ()}
    return SetSummary(**given | {"test_set": content["condition"].get("test_set", test_set)})


def _given(kind: type, content: Mapping) -> dict:
    return {item.name: content[item.name] for item in fields(kind) if item.name in content}


def _estimates(metrics: Mapping | None) -> dict[str, Estimate]:
    return {name: Estimate(**_given(Estimate, metric)) for name, metric in (metrics or {}).items()}


def to_json(value):
    """A result for results.json; what is empty or unknown is left out of a dataclass."""
    if is_dataclass(value):
        pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: to_json(part) for name, part in pairs if part not in (None, {}, [], (), "", False)}
    if isinstance(value, Condition):
        return value._asdict()
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    return [to_json(part) for part in value] if isinstance(value, (list, tuple)) else value


def read_sets(
    files: Sequence[Path], fault_of: Callable[[dict], str], present: Callable[[dict], dict] = dict
) -> list[SetSummary]:
    """The sets of some files, by name; ``present`` converts older versions.

    Raises:
        InputError: a file is malformed, as JSON or according to ``fault_of``.
    """
    sets = []
    for path in files:
        content = present(read_json(path, "score this set again"))
        if fault := fault_of(content):
            raise InputError(f"{path}: {fault}; score this set again")
        sets.append(set_of(content, str(path.parent)))
    return sorted(sets, key=lambda test_set: test_set.name)


def interval_fault(metrics: Mapping[str, Mapping]) -> str:
    """Message on the first metric with only one end of an interval; empty if there is none."""
    faulty = [name for name, metric in metrics.items() if (metric["low"] is None) != (metric["high"] is None)]
    return f"metrics.{faulty[0]}: low and high must both be numbers or both be null" if faulty else ""


def origin_of(expdir: Path, files: Sequence[Path]) -> dict[str, Any]:
    """``config_path``, ``config``, ``seed``, ``commit``, ``date`` and ``train`` of an experiment with these scores."""
    config_path, info_path = expdir / "config.yaml", expdir / "train_info.json"
    config = read_yaml(config_path) if config_path.is_file() else None
    train = read_json(info_path, "train again (stage 6)") if info_path.is_file() else {}
    if fault := misfit(train, _TRAIN):
        raise InputError(f"{info_path}: {fault}; train again (stage 6)")
    newest = max(path.stat().st_mtime for path in ([info_path] if train else files))
    return {
        "config_path": str(config_path) if config is not None else None,
        "config": config,
        "seed": train.get("seed", (config or {}).get("seed")),
        "commit": train.get("commit"),
        "date": train.get("date") or datetime.fromtimestamp(newest, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "train": train,
    }


def experiment_name(name: str, scores: str) -> str:
    """``sv_ecapa``, ``sv_ecapa (as_norm)``: an experiment and its scoring backend."""
    variant = scores.removeprefix("scores").strip("_")
    return f"{name} ({variant})" if variant else name
