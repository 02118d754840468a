"""Registry of the metrics of estimated signals: labels, units, direction, sampling rates."""

from collections.abc import Callable, Sequence
from math import inf, isnan
from typing import NamedTuple

import numpy as np

from toolkit.io.errors import InputError
from toolkit.io.libraries import find_library
from toolkit.metrics.metric import Metric
from toolkit.metrics.signal import intrusive as signal
from toolkit.metrics.signal.dnsmos import dnsmos
from toolkit.metrics.signal.over_suppression import tsos
from toolkit.metrics.signal.timing import timing_scores
from toolkit.metrics.statistics.bootstrap import RATE

_CORRELATION, _OPINION = (-1.0, 1.0), (1.0, 5.0)
SAME_MIXTURE = 5e-3  # largest difference of a mixture's values between two machines
METRICS = {
    "si_sdr": Metric("SI-SDR", "dB"),
    "wave_snr": Metric("SNR", "dB"),
    "sdr": Metric("SDR", "dB"),
    "pesq_nb": Metric("PESQ (nb)", limits=_OPINION),
    "pesq_wb": Metric("PESQ (wb)", limits=_OPINION),
    "stoi": Metric("STOI", digits=4, limits=_CORRELATION),
    "estoi": Metric("ESTOI", digits=4, limits=_CORRELATION),
    "dnsmos_sig": Metric("DNSMOS SIG", limits=_OPINION),
    "dnsmos_bak": Metric("DNSMOS BAK", limits=_OPINION),
    "dnsmos_ovrl": Metric("DNSMOS OVRL", limits=_OPINION),
    "tsos": Metric("TSOS", "%", False, 100, limits=RATE),
    "tsos_k1": Metric("TSOS, k = 1", "%", False, 100, limits=RATE),
    "si_sdr_interferer": Metric("SI-SDR to the interferer", "dB", False),
    "speaker_confusion": Metric("speaker confusion", "%", False, 100, limits=RATE),
    "residual_energy": Metric("residual energy", "dB", False),
    "false_alarm": Metric("false alarms", "%", False, 100, limits=RATE),
    "similarity": Metric("cosine to the enrolment", digits=3, limits=_CORRELATION),
    "timing_f1": Metric("timing F1", "%", scale=100, limits=RATE),
    "timing_precision": Metric("timing precision", "%", scale=100, limits=RATE),
    "timing_recall": Metric("timing recall", "%", scale=100, limits=RATE),
    "intent_accuracy": Metric("intent accuracy", "%", scale=100, limits=RATE),
    "slot_accuracy": Metric("slot accuracy", "%", scale=100, limits=RATE),
    "unit_accuracy": Metric("accuracy of masked units", "%", scale=100, limits=RATE),
}

ABOUT = {  # what a page tells of them
    "si_sdr": "SI-SDR: target against all else, at the best gain",
    "wave_snr": "SNR: target against the difference to it",
    "sdr": "SDR: as SI-SDR, a filter of 512 taps forgiven",
    **dict.fromkeys(("pesq_nb", "pesq_wb"), "PESQ: quality, about 1 to 4.6"),
    **dict.fromkeys(("stoi", "estoi"), "STOI, ESTOI: intelligibility, 0 to 1"),
    "similarity": "cosine to the enrolment: of a verification system's embeddings, -1 to 1",
    "dnsmos_ovrl": "DNSMOS: estimated opinion scores, 1 to 5, without a reference",
    "timing_f1": "timing: frames of 10 ms in which the output speaks against the enrolled speaker's turns, no collar",
    "intent_accuracy": "intent accuracy: orders whose slots are all recognised",
    "slot_accuracy": "slot accuracy: slots that are recognised",
    "speaker_confusion": "speaker confusion: outputs nearer (SI-SDR) to the interferer than to the target",
    "tsos": "TSOS: frames in which the target is suppressed, by the definition with k = 2: it does not depend on level",
    "tsos_k1": "TSOS, k = 1: by the definition with k = 1, which depends on level",
    "si_sdr_interferer": "SI-SDR to the interferer: how much of it is in the output",
    "residual_energy": "residual energy: output against mixture where the enrolled speaker is absent",
    "false_alarm": "false alarms: such outputs with more than a tenth of the mixture's energy (above -10 dB)",
}
FORMER = {"wrong_speaker": "speaker_confusion", "energy_left": "residual_energy"}  # names of version 0.1


def present_name(name: str) -> str:
    """The current name of a metric from its name in version 0.1: ``si_sdr_in`` is ``si_sdr_mix``."""
    metric = name.removesuffix("_in")
    return f"{metric}_mix" if metric != name and metric in METRICS else FORMER.get(name, name)


def metric_of(name: str) -> Metric:
    """The metric ``si_sdr``, ``si_sdr_mix`` (of the mixture) or ``si_sdri`` (the improvement)."""
    if name in METRICS:
        return METRICS[name]
    if name.endswith("_mix"):
        metric = METRICS[name.removesuffix("_mix")]
        return metric._replace(label=f"{metric.label} of the mixture")
    metric = METRICS[name.removesuffix("i")].difference
    return metric._replace(label=f"{metric.label} improvement")


def about(names: Sequence[str]) -> str:
    """What a page tells of metrics; each sentence once."""
    return "; ".join(dict.fromkeys(ABOUT[name] for name in names if name in ABOUT))


def limits_of(name: str) -> tuple[float, float]:
    """Smallest and largest value of a metric in tables, also of the mixture; improvements are unlimited."""
    metric = METRICS.get(name.removesuffix("_mix"))
    return (-inf, inf) if metric is None else metric.limits


class _Family(NamedTuple):
    """Metrics that one function computes together from ``(estimate (N,), reference (N,), fs)``.

    If ``needs`` is "turns", the turns (K, 2) replace the reference; if it is "nothing", the reference is None.
    """

    names: tuple[str, ...]
    compute: Callable[..., tuple[float, ...]]
    libraries: tuple[str, ...] = ()
    rates: tuple[int, ...] = ()  # possible sampling rates in Hz; empty: any
    extra: str = "se"  # extra that installs the libraries
    needs: str = "reference"  # besides the estimate: reference, turns or nothing
    reason: str = "no value"  # reason of a NaN


_FAMILIES = (
    _Family(("si_sdr",), lambda e, s, fs: (signal.si_sdr(e, s),)),
    _Family(("wave_snr",), lambda e, s, fs: (signal.wave_snr(e, s),)),
    _Family(("sdr",), lambda e, s, fs: (signal.sdr(e, s),), ("fast_bss_eval",)),
    _Family(("pesq_nb",), lambda e, s, fs: (signal.pesq(e, s, fs, "nb"),), ("pesq",), (8000, 16000)),
    _Family(("pesq_wb",), lambda e, s, fs: (signal.pesq(e, s, fs, "wb"),), ("pesq",), (16000,)),
    _Family(("stoi",), lambda e, s, fs: (signal.stoi(e, s, fs),), ("pystoi",)),
    _Family(("estoi",), lambda e, s, fs: (signal.estoi(e, s, fs),), ("pystoi",)),
    _Family(
        ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"),
        lambda e, s, fs: dnsmos(e),
        ("onnxruntime", "speechmos"),
        (16000,),
        "dnsmos",
        "",
    ),
    _Family(("tsos",), lambda e, s, fs: (tsos(e, s, fs),)),
    _Family(("tsos_k1",), lambda e, s, fs: (tsos(e, s, fs, threshold_power=1.0),)),
    _Family(
        ("timing_f1", "timing_precision", "timing_recall"),
        timing_scores,
        ("onnxruntime", "silero_vad"),
        extra="vad",
        needs="turns",
        reason="no speech in estimate or annotation",
    ),
)
COMPUTED = tuple(name for family in _FAMILIES for name in family.names)


def check_metrics(names: Sequence[str]) -> None:
    """Raise InputError if a metric is unknown, or its library is not installed."""
    if unknown := [name for name in names if name not in COMPUTED]:
        raise InputError(f"--metrics {' '.join(unknown)}: no such metric; there are {' '.join(COMPUTED)}")
    for family in _FAMILIES:
        if set(family.names) & set(names):
            for module in family.libraries:
                find_library(module, family.extra)


def names_that_need(what: str, names: Sequence[str]) -> list[str]:
    """The metrics among ``names`` that need ``what``: the ``reference``, or the ``turns`` of the speaker."""
    return [name for family in _FAMILIES for name in family.names if family.needs == what and name in names]


def compute(
    names: Sequence[str],
    estimate: np.ndarray,
    reference: np.ndarray | None,
    fs: int,
    turns: np.ndarray | None = None,
):
    """Compute metrics of one estimate.

    Args:
        names: metrics among ``COMPUTED``.
        estimate: (N,) samples in [-1, 1].
        reference: (N,) samples in [-1, 1]; None if no metric needs it (:func:`names_that_need`).
        fs: sampling rate in Hz.
        turns: (K, 2) begin and end in seconds of the speaker's turns; None if no metric needs them.

    Returns:
        ``(values, undefined)``: name -> value, NaN if undefined; name -> reason if undefined.

    Raises:
        InputError: a metric does not support this sampling rate.
    """
    values: dict[str, float] = {}
    undefined: dict[str, str] = {}
    for family in _FAMILIES:
        chosen = [name for name in family.names if name in names]
        if not chosen:
            continue
        if family.rates and fs not in family.rates:
            rates = " and ".join(map(str, family.rates))
            raise InputError(
                f"--metrics {chosen[0]}: is for {rates} Hz, the audio is at {fs} Hz; remove it, or use audio at that "
                "rate (stage 2 resamples, --fs)"
            )
        try:
            other = turns if family.needs == "turns" else reference
            results = dict(zip(family.names, family.compute(estimate, other, fs), strict=True))
        except signal.Undefined as error:
            results = dict.fromkeys(family.names, float("nan"))
            undefined |= dict.fromkeys(chosen, str(error))
        values |= {name: results[name] for name in chosen}
        undefined |= {name: family.reason for name in chosen if isnan(results[name]) and name not in undefined}
    return values, undefined
