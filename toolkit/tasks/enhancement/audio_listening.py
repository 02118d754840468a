"""Examples of a set: its best, median and worst outputs, and the clearest speaker confusion, as audio and pictures.

Loads no torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError
from toolkit.metrics.signal.registry import METRICS
from toolkit.report.enhancement.utterance_values import UtteranceValues
from toolkit.report.listening import Row, beginning, write_examples

_NOTE = (
    "Of {sets}: the best, the median and the worst output by the improvement of {ranking}{wrong}. Pictures: "
    "spectrograms on one scale of colours. Numbers: of the mixture → of the output, against the target if there is one."
)
_RANKING = ("si_sdr", "similarity", "timing_f1", "dnsmos_ovrl")  # examples are chosen by the first of these
_WRONG = ", and that of the clearest speaker confusion"


@dataclass(frozen=True)
class Source:
    """Where the signals of a set are.

    Attributes:
        scored: values of its utterances.
        data: folder of the mixtures (``wav.scp``), targets (``spk1.scp``) and enrolments (``enroll_spk1.scp``).
        outputs: folder of the outputs (``wav.scp``).
        enrolled: is a speaker enrolled?
        others: label -> folder of the outputs of another experiment.
    """

    scored: UtteranceValues
    data: Path
    outputs: Path
    enrolled: bool
    others: Mapping[str, Path] = field(default_factory=dict)

    def tables(self) -> dict[str, Path]:
        """Label -> scp of each file that exists; empty where mixtures or outputs are missing."""
        named = {"mixture": self.data / "wav.scp", "enrolment": self.data / "enroll_spk1.scp"}
        named |= {"output": self.outputs / "wav.scp"}
        named |= {label: folder / "wav.scp" for label, folder in self.others.items()}
        named |= {"target": self.data / "spk1.scp"}
        present = {label: path for label, path in named.items() if path.is_file()}
        if not self.enrolled:
            present.pop("enrolment", None)
        return present if {"mixture", "output"} <= set(present) else {}


def ranking_of(scored: UtteranceValues) -> str:
    """The metric that examples are chosen by: SI-SDR; of recordings without a reference another."""
    return next((name for name in _RANKING if name in scored.values), _RANKING[0])


def cases(scored: UtteranceValues) -> list[tuple[str, int]]:
    """Kind of case and index of the utterance: by the improvement of the metric of :func:`ranking_of` (by the metric
    itself where no mixture was scored).

    An utterance is a case once: where the set is small, the worst is not also the median.
    """
    ranking = ranking_of(scored)
    name = f"{ranking}i" if f"{ranking}i" in scored.values else ranking
    values = scored.values.get(name, np.full(len(scored.utts), np.nan))
    order = [i for i in np.argsort(-values, kind="stable").tolist() if np.isfinite(values[i])]
    chosen: dict[int, str] = {}
    if order:
        for case, place in (("best", 0), ("worst", len(order) - 1), ("median", len(order) // 2)):
            chosen.setdefault(order[place], f"{case} of {len(order)}")
    named = [(chosen[i], i) for i in order if i in chosen]
    if {"speaker_confusion", "si_sdr_interferer", "si_sdr"} <= set(scored.values):
        lead = scored.values["si_sdr_interferer"] - scored.values["si_sdr"]
        confused = np.flatnonzero((scored.values["speaker_confusion"] == 1) & np.isfinite(lead))
        remaining = [i for i in confused[np.argsort(-lead[confused], kind="stable")].tolist() if i not in chosen]
        named += [(f"speaker confusion, one of {len(confused)}", i) for i in remaining[:1]]
    return named


def facts_of(scored: UtteranceValues, i: int) -> dict[str, str]:
    """The facts that the page shows of an utterance: each metric before and after."""
    facts = {}
    for name, metric in METRICS.items():
        if name not in scored.values or name == "speaker_confusion":
            continue
        pair = [scored.values[key][i] for key in (f"{name}_mix", name) if key in scored.values]
        change = " → ".join("none" if np.isnan(x) else f"{metric.scale * x:.{metric.digits}f}" for x in pair)
        why = scored.undefined[scored.utts[i]].get(name, "")
        facts[metric.label] = f"{change} {metric.unit}".rstrip() + (f" ({why})" if why else "")
    confused = scored.values.get("speaker_confusion", np.full(len(scored.utts), np.nan))[i]
    if np.isfinite(confused):
        facts["nearer to"] = "the interferer" if confused else "the target"
    return facts


def _rows(source: Source, max_seconds: float) -> Iterator[tuple[Row, int]]:
    """Examples of a set and their rate."""
    tables = source.tables()
    values = {label: read_table(path) for label, path in tables.items()}
    for case, i in cases(source.scored) if tables else ():
        utt, columns, rate = source.scored.utts[i], [], 0
        for label, rows in values.items():
            if utt not in rows and label in source.others:
                continue
            if utt not in rows:
                raise InputError(f"{tables[label]}: lacks {utt}, which was scored; run stages 7 and 8 again")
            column, rate = beginning(label, rows[utt], utt, max_seconds, rate)
            columns.append(column)
        facts = {"set": source.scored.name, "case": case} | facts_of(source.scored, i)
        numbers = {name: float(column[i]) for name, column in source.scored.values.items()}
        yield Row(utt, facts, numbers, columns), rate


def write_cases(folder, sources: Sequence[Source], max_seconds: float) -> int:
    """Write audio, pictures and listening.json of all sources' cases; returns their number.

    Raises:
        InputError: audio is bad, missing or at several rates.
    """
    rankings = dict.fromkeys(METRICS[ranking_of(source.scored)].label for source in sources)
    wrong = _WRONG if any(source.enrolled for source in sources) else ""
    note = _NOTE.format(sets="{sets}", ranking=" or ".join(rankings), wrong=wrong)
    return write_examples(folder, [pair for source in sources for pair in _rows(source, max_seconds)], note)
