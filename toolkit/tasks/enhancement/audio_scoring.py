"""Scoring estimated signals: streams of one set in, a number or a reason for each metric and utterance out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.audio import read_audio
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.rttm import NAME as RTTM
from toolkit.io.rttm import intervals, utterance_turns
from toolkit.metrics.signal.intrusive import Undefined, si_sdr
from toolkit.metrics.signal.over_suppression import false_alarm, residual_energy, speaker_confusion
from toolkit.metrics.signal.registry import check_metrics, compute, names_that_need, present_name
from toolkit.report.enhancement.utterance_values import reasons_of_mixture, reasons_text

_RESIDUAL = ("residual_energy", "false_alarm")  # of mixtures without a target


@dataclass(frozen=True)
class Streams:
    """Where the signals of a set's utterances are.

    Attributes:
        name: of the set.
        tables: role (``estimate``, ``reference``, ``input``, ``interferer``, ``interferer2`` ...) -> path of its scp.
        values: role -> utterance -> scp value.
    """

    name: str
    tables: dict[str, Path]
    values: dict[str, Mapping[str, str]]

    def read(self, utt: str) -> tuple[dict[str, np.ndarray], int]:
        """Role -> (N,) samples, and their rate in Hz.

        Raises:
            InputError: a file is bad, or two are of different length or rate.
        """
        signals: dict[str, np.ndarray] = {}
        fs = 0
        for role, values in self.values.items():
            samples, rate = read_audio(values[utt], utt)
            if signals and rate != fs:
                raise self._differ(utt, role, f"is at {fs} Hz", f"at {rate} Hz")
            if signals and len(samples) != (length := len(signals["estimate"])):
                raise self._differ(utt, role, f"has {length} samples", len(samples))
            signals[role], fs = samples, rate
        return signals, fs

    def _differ(self, utt: str, role: str, own: str, other) -> InputError:
        return InputError(
            f"{utt}: its estimate ({self.tables['estimate']}) {own}, its {role} ({self.tables[role]}) {other}; "
            "enhance the same set again at its rate"
        )


def open_streams(name: str, utts: Sequence[str], **tables: Path) -> Streams:
    """The streams of a set; ``tables`` are role -> scp, with an ``estimate``.

    Raises:
        InputError: a table is missing, malformed or lacks an utterance.
    """
    utt_set = set(utts)
    values: dict[str, Mapping[str, str]] = {role: read_table(path, utt_set) for role, path in tables.items()}
    for role, rows in values.items():
        if missing_ids := [utt for utt in utts if utt not in rows]:
            raise InputError(
                f"{tables[role]}: lacks {len(missing_ids)} ids of the {role} to score: {some_of(missing_ids)}"
            )
    return Streams(name, tables, values)


@dataclass(frozen=True)
class Scorer:
    """The metrics to compute of an utterance.

    Attributes:
        metrics: names of toolkit.metrics.signal.registry.COMPUTED.
        interferer: tell whether the output is nearer to an interferer than to the target?
        residual_energy: measure what is left of mixtures without a target?
        input: measure the unprocessed mixture as well?
    """

    metrics: tuple[str, ...]
    interferer: bool = False
    residual_energy: bool = False
    input: bool = False

    def names(self) -> list[str]:
        """Of all values; ``<metric>_mix`` are those of the mixture."""
        names = [*self.metrics, *(["si_sdr_interferer", "speaker_confusion"] if self.interferer else [])]
        names += _RESIDUAL if self.residual_energy else ()
        return names + ([f"{metric}_mix" for metric in self.metrics] if self.input else [])

    @property
    def needs_reference(self) -> bool:
        """Are estimates compared with what they should be?"""
        return bool(self.interferer or self.residual_energy or names_that_need("reference", self.metrics))

    def score(self, signals: Mapping[str, np.ndarray], fs: int) -> tuple[dict[str, float], dict[str, str]]:
        """``(values, undefined)``: name -> value, NaN where it has none; name -> why.

        Args:
            signals: role -> (N,) samples; ``turns`` -> (K, 2), see toolkit.metrics.signal.registry.compute.
            fs: in Hz.
        """
        estimate, others = signals["estimate"], (signals.get("reference"), fs, signals.get("turns"))
        values, undefined = compute(self.metrics, estimate, *others)
        if self.interferer:
            interferers = [signal for role, signal in signals.items() if role.startswith("interferer")]
            _add(*_speakers(estimate, signals["reference"], interferers), values, undefined)
        if self.residual_energy:
            _add(*_residual(estimate, signals["reference"], signals["input"]), values, undefined)
        if self.input:
            of_mixture, why = compute(self.metrics, signals["input"], *others)
            values |= {f"{name}_mix": value for name, value in of_mixture.items()}
            undefined |= reasons_of_mixture(why)
        return values, undefined


def _add(more: dict, why: dict, values: dict, undefined: dict) -> None:
    values |= more
    undefined |= why


def _speakers(estimate, reference, interferers) -> tuple[dict[str, float], dict[str, str]]:
    """SI-SDR to the nearest of the interferers that are not silent, and whether it is above that to the target."""
    target, why = _nearness(estimate, reference, "target")
    similarities = [_nearness(estimate, interferer, "interferer") for interferer in interferers]
    nearest = max((value for value, _ in similarities if not math.isnan(value)), default=math.nan)
    undefined = {}
    if math.isnan(nearest):
        undefined["si_sdr_interferer"] = why = similarities[0][1]
    if why:
        undefined["speaker_confusion"] = why
    return {"si_sdr_interferer": nearest, "speaker_confusion": float(speaker_confusion(target, nearest))}, undefined


def _nearness(estimate, talker, role: str) -> tuple[float, str]:
    """SI-SDR to a talker, or NaN and why."""
    try:
        return si_sdr(estimate, talker), ""
    except Undefined as error:
        return math.nan, str(error).replace("reference", role)


def _residual(estimate, reference, mixture) -> tuple[dict[str, float], dict[str, str]]:
    """Energy and false alarms of the output if the target is absent."""
    residual = math.nan if reference.any() else float(residual_energy(estimate, mixture))
    why = "the target is present" if reference.any() else "silent mixture"
    values = dict(zip(_RESIDUAL, (residual, float(false_alarm(residual))), strict=True))
    return values, dict.fromkeys(_RESIDUAL, why) if math.isnan(residual) else {}


def scorer_of(args) -> Scorer:
    """The scorer that the options define."""
    metrics = tuple(dict.fromkeys(present_name(word) for words in args.metrics for word in words.split()))
    computed = tuple(name for name in metrics if name not in ("residual_energy", "similarity"))
    check_metrics(computed)
    if "residual_energy" in metrics and not args.input:
        raise InputError("--metrics residual_energy is relative to the mixture: give its stream by --input")
    if "similarity" in metrics and not args.sv_exp:
        raise InputError("--metrics similarity needs a verification system: give it by --sv_exp")
    if args.sv_exp and not args.input:
        raise InputError("--sv_exp measures the mixture as well: give its stream by --input")
    return Scorer(
        computed, bool(args.interferer), "residual_energy" in metrics, bool(args.input and not args.input_scored)
    )


def similarity_of(args, name: str, utts: Sequence[str]):
    """What measures likeness to the enrolments of a set; None where no verification system is given."""
    if not args.sv_exp:
        return None
    import torch

    from toolkit.systems.verifier import Verifier
    from toolkit.tasks.enhancement.similarity import Similarity

    torch.set_num_threads(1)
    return Similarity(Verifier.load(args.sv_exp, trust=args.trust), Path(args.ref_root) / name, utts)


def turns_of(scorer: Scorer, data_dir, utts: Sequence[str]) -> dict[str, np.ndarray]:
    """Utterance -> (K, 2) begins and ends in seconds of what its speaker says; empty where no metric needs it.

    Raises:
        InputError: the set has no rttm, or a bad one.
    """
    if not (timed := names_that_need("turns", scorer.metrics)):
        return {}
    data = DataDir(data_dir)
    if RTTM not in data:
        raise InputError(f"{data.path / RTTM}: no such file; --metrics {timed[0]} needs the turns of the speakers")
    speakers = data.table("utt2spk")
    return {utt: intervals(turns, speakers[utt]) for utt, turns in utterance_turns(data, utts).items()}


def score_set(args, scorer: Scorer, name: str, utts: Sequence[str], bar) -> dict[str, dict[str, str]]:
    """Score some utterances of a set by the options of ``score_audio``: table -> utterance -> value."""
    turns = turns_of(scorer, Path(args.ref_root) / name, utts)
    roles = {"reference": args.reference if scorer.needs_reference else "", "input": args.input}
    roles |= {f"interferer{i or ''}": stream for i, stream in enumerate(args.interferer)}
    tables = {role: Path(args.ref_root) / name / f"{stream}.scp" for role, stream in roles.items() if stream}
    streams = open_streams(name, utts, estimate=Path(args.in_root) / name / f"{args.estimate}.scp", **tables)
    similarity = similarity_of(args, name, utts)
    names = [*scorer.names(), *([] if similarity is None else ["similarity", "similarity_mix"])]
    rows: dict[str, dict[str, str]] = {f"utt2{metric}": {} for metric in [*names, "undefined"]}
    for utt in utts:
        signals, fs = streams.read(utt)
        if args.absent:
            signals["reference"] = np.zeros_like(signals["estimate"])
        if turns:
            signals["turns"] = turns[utt]
        values, undefined = scorer.score(signals, fs)
        if similarity is not None:
            of = {"similarity": signals["estimate"], "similarity_mix": signals["input"]}
            for collected, more in zip((values, undefined), similarity.score(utt, fs, **of), strict=True):
                collected |= more
        for metric, value in values.items():
            rows[f"utt2{metric}"][utt] = str(float(value))
        rows["utt2undefined"][utt] = reasons_text(undefined)
        bar.update()
    return rows
