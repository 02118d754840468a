"""What machines make of unprocessed, processed and clean speech: error rates of recognisers, verifiers and classifiers.

The tables are those of SSL-MSE (Sato et al. 2025): table 1, all systems beside the metrics of the signal; table 2, the
self-supervised model of the loss by that of the pipeline; table 3, pipelines that were trained in noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.io.config_facts import ssl_names
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.metrics.metric import Metric
from toolkit.metrics.statistics.paired import Difference
from toolkit.report.blocks import Block, Section, Strong, Table
from toolkit.report.bootstrap_samples import difference, mean_over
from toolkit.report.collection import experiment_name
from toolkit.report.comparison import difference_cells
from toolkit.report.enhancement.audio_results import collect_audio
from toolkit.report.recognition.text_results import collect_text
from toolkit.report.summaries import Estimate, Experiment, Scores, SetSummary, metric_of
from toolkit.report.verification.trial_results import collect
from toolkit.report.verification.trial_tables import NONE, average_eer, interval_cell, metric_cell

FOLDER = "downstream"
_METRICS = {"asr": "wer", "sv": "eer", "ic": "intent_accuracy"}  # by kind of system
_SHAPE = {"kind": str, "ssl": str, "noise_robust": bool, "note": str}
_SIGNAL = (("sdr", "si_sdr"), ("pesq_wb", "pesq_nb"), ("dnsmos_sig",), ("dnsmos_bak",), ("dnsmos_ovrl",))
_OUTPUTS = ("enhanced", "extracted")
_LEVEL = 0.05


@dataclass(frozen=True)
class DownstreamSystem:
    """A system behind a front end.

    Attributes:
        name: of its folder.
        kind: asr, sv or ic.
        ssl: self-supervised model that it reads; empty: none.
        noise_robust: was it trained in noise?
        note: what a reader must know of it.
    """

    name: str
    kind: str
    ssl: str
    noise_robust: bool
    note: str

    @property
    def metric(self) -> Metric:
        """What it is measured by."""
        return metric_of(_METRICS[self.kind])

    @property
    def title(self) -> str:
        """``WER (%), asr_x``."""
        return f"{self.metric.title}, {self.name}"


@dataclass
class Speech:
    """A condition of the test sets: unprocessed, clean, or the outputs of an experiment.

    Attributes:
        label: of its rows.
        experiment: its name; empty: of none.
        beta: share of the mixture in the outputs.
        loss_ssl: self-supervised model of the experiment's loss.
        signal: metrics of the outputs; None: not measured.
        sets: system -> its scored sets by name.
    """

    label: str
    experiment: str = ""
    beta: float = 0.0
    loss_ssl: str = ""
    signal: Scores | None = None
    sets: dict[str, dict[str, SetSummary]] = field(default_factory=dict)


@dataclass(frozen=True)
class Downstream:
    """Systems by speech (clean, unprocessed, then outputs); ``overs``: label -> names of the sets of a mean."""

    systems: dict[str, DownstreamSystem]
    speech: list[Speech]
    overs: dict[str, Sequence[str]]

    def estimate(self, speech: Speech, system: DownstreamSystem, over: str) -> Estimate | None:
        """The system's metric in the mean over sets; None where it was not scored."""
        sets = self._sets(speech, system, over)
        if not sets:
            return None
        return average_eer(sets) if system.kind == "sv" else mean_over(sets, over).metrics[_METRICS[system.kind]]

    def cell(self, speech: Speech, system: DownstreamSystem, over: str) -> str:
        """The estimate with its interval; bold: better than that of unprocessed speech by a paired test at 5 %."""
        estimate, metric = self.estimate(speech, system, over), system.metric
        if estimate is None or estimate.value is None:
            return NONE
        text = interval_cell(estimate, metric.digits)
        against = self.difference(self.unprocessed, speech, system, over) if speech.experiment else None
        if against is None or not against.p < _LEVEL or (against.value > 0) != metric.higher_is_better:
            return text
        return Strong(text)

    def difference(self, ours: Speech, theirs: Speech, system: DownstreamSystem, over: str) -> Difference | None:
        """Theirs minus ours, on the same bootstrap samples; None: not both were scored."""
        pair = [self._sets(one, system, over) for one in (ours, theirs)]
        return (difference(*pair) or {}).get(_METRICS[system.kind]) if all(pair) else None

    @property
    def unprocessed(self) -> Speech:
        """The mixtures."""
        return next(speech for speech in self.speech if speech.label == "unprocessed")

    def _sets(self, speech: Speech, system: DownstreamSystem, over: str) -> list[SetSummary]:
        known = speech.sets.get(system.name, {})
        names = self.overs[over]
        return [known[name] for name in names] if all(name in known for name in names) else []

    def points(self, results: Experiment) -> Iterator[tuple[str, str, int, float, Estimate]]:
        """Over, title, digits, beta and estimate of each system on the outputs of an experiment."""
        for speech in (speech for speech in self.speech if speech.experiment == results.name):
            for over in self.overs:
                for system in self.systems.values():
                    if (estimate := self.estimate(speech, system, over)) and estimate.value is not None:
                        yield over, system.title, system.metric.digits, speech.beta, estimate


def collect_downstream(experiments: Sequence[Experiment]) -> Downstream | None:
    """Downstream scores of experiments, and those of unprocessed and clean speech beside the first; None: no scores.

    Args:
        experiments: collected results, with means.

    Raises:
        InputError: a file is malformed.
    """
    beside = Path(experiments[0].expdir).parent / FOLDER
    systems = {path.parent.name: _read_system(path) for path in sorted(beside.glob("*/system.json"))}
    clean = beside / "clean_audio"
    best = collect_audio(clean) if any(clean.glob("scores/*/result.json")) else None
    speech = [Speech("clean", signal=best), Speech("unprocessed")]
    roots = [(beside, "clean"), (beside, "noisy")]
    for results in experiments:
        for output, beta, signal in _outputs(results):
            label = experiment_name(results.name, f"beta {beta:g}" if beta else "")
            loss_ssl = next(ssl_names((results.config or {}).get("loss")), "")
            speech.append(Speech(label, results.name, beta, loss_ssl, signal))
            roots.append((Path(results.expdir, FOLDER), output))
    for one, (root, name) in zip(speech, roots, strict=True):
        one.sets = {key: sets for key, system in systems.items() if (sets := _scored(root / key / name, system.kind))}
    scored = {name for one in speech if one.experiment for name in one.sets}
    if not scored:
        return None
    first = experiments[0]
    overs = {mean.name: mean.of for mean in first.means} or {one.name: [one.name] for one in first.sets}
    kept = [one for one in speech if one.sets or not one.experiment]
    return Downstream({name: system for name, system in systems.items() if name in scored}, kept, overs)


def _read_system(path: Path) -> DownstreamSystem:
    content, remedy = read_json(path, "score again (stage 8)"), "score again (stage 8)"
    if (fault := misfit(content, _SHAPE)) or content["kind"] not in _METRICS:
        raise InputError(f"{path}: {fault or 'kind: must be asr, sv or ic'}; {remedy}")
    return DownstreamSystem(path.parent.name, **content)


def _outputs(results: Experiment) -> Iterator[tuple[str, float, Scores]]:
    """Folder, beta and metrics of the outputs of an experiment."""
    for output in _OUTPUTS:
        yield output, 0.0, results
        for name, scores in results.variants.items():
            if scores.sets[0].variant.get("parameter") == "observation":
                yield f"{output}_{name}", float(scores.sets[0].variant["value"]), scores


def _scored(folder: Path, kind: str) -> dict[str, SetSummary]:
    file = "metrics.json" if kind == "sv" else "result.json"
    if not any(folder.glob(f"scores/*/{file}")):
        return {}
    results = {"sv": collect, "asr": lambda path: collect_text(path)[0], "ic": collect_audio}[kind](folder)
    return {one.name: one for one in results.sets}


def downstream_sections(downstream: Downstream | None) -> list[Section]:
    """Tables 1 to 3 and the comparison of experiments, those for which there are results."""
    tables = (_table_1, _against_first, _table_2, _table_3)
    return [section for table in tables if downstream and (section := table(downstream))]


def _table_1(downstream: Downstream) -> Section:
    """All speech by all systems and metrics of the signal."""
    known = [[name for name in names if any(_has(one, name) for one in downstream.speech)] for names in _SIGNAL]
    signals = [names[0] for names in known if names]
    systems = [*downstream.systems.values()]
    rows = [
        [over, one.label, one.loss_ssl or NONE]
        + [_signal_cell(downstream, one, over, name) for name in signals]
        + [downstream.cell(one, system, over) for system in systems]
        for over in downstream.overs
        for one in downstream.speech
    ]
    titles = [*(metric_of(name).title for name in signals), *(system.title for system in systems)]
    text = (
        "The same systems on the same utterances: clean, unprocessed, and what the experiments make of them; beta: "
        "share of the mixture that is added to the output. Means [low, high]. Bold: better than unprocessed speech by "
        "a paired test at 5 %, on bootstrap samples of speakers."
    )
    notes = [f"{system.name}: {system.note}." for system in systems if system.note]
    blocks: list[Block] = [text, Table(["Over", "Speech", "SSL model of the loss", *titles], rows, 3), *notes]
    return Section("Downstream systems", blocks, folded=False)


def _has(speech: Speech, name: str) -> bool:
    return bool(speech.signal and any(name in one.metrics for one in speech.signal.every_set))


def _signal_cell(downstream: Downstream, speech: Speech, over: str, name: str) -> str:
    """A metric of the signal; bold: the improvement over the mixture is above 0 by its interval."""
    if speech.label == "clean":
        sets = speech.signal.sets if speech.signal else []
        return metric_cell(sets[0], name) if sets else NONE
    if speech.label == "unprocessed":
        scored = (_summary(one, over) for one in downstream.speech if one.experiment)
        return next((metric_cell(one, f"{name}_mix") for one in scored if one and f"{name}_mix" in one.metrics), NONE)
    summary = _summary(speech, over)
    if summary is None:
        return NONE
    gain, text = summary.metrics.get(f"{name}i"), metric_cell(summary, name)
    return Strong(text) if gain and gain.low is not None and gain.low > 0 else text


def _summary(speech: Speech, over: str) -> SetSummary | None:
    return next((one for one in (speech.signal.every_set if speech.signal else ()) if one.name == over), None)


def _against_first(downstream: Downstream) -> Section | None:
    """Outputs of the other experiments minus those of the first, system by system."""
    first, *others = [one for one in downstream.speech if one.experiment and not one.beta]
    rows = [
        [
            *(over, one.label, f"{system.metric.difference.title}, {system.name}"),
            *difference_cells(against, system.metric.digits),
        ]
        for over in downstream.overs
        for one in others
        for system in downstream.systems.values()
        if (against := downstream.difference(first, one, system, over))
    ]
    if not rows:
        return None
    text = "The value of an experiment minus that of the first [low, high], on the same bootstrap samples of speakers."
    table = Table(["Over", "Experiment", "Metric, system", "Difference", "p"], rows, 3)
    return Section(f"Downstream systems, compared with {first.label}", [text, table])


def _table_2(downstream: Downstream) -> Section | None:
    """Pipelines on self-supervised models by the model of the experiment's loss."""
    pipelines = dict.fromkeys(one.ssl for one in downstream.systems.values() if one.ssl and not one.noise_robust)
    rows = [row for ssl in pipelines for row in _pipeline_rows(downstream, ssl, False, [ssl])]
    text = ", on outputs of experiments whose loss has one"
    return _pipeline_section("SSL model of the loss by SSL model of the pipeline", text, [], rows)


def _table_3(downstream: Downstream) -> Section | None:
    """Pipelines that were trained in noise beside those that were not."""
    robust = dict.fromkeys(one.ssl for one in downstream.systems.values() if one.ssl and one.noise_robust)
    rows = [
        row
        for ssl in robust
        for noise_robust, word in ((False, "no"), (True, "yes"))
        for row in _pipeline_rows(downstream, ssl, noise_robust, [ssl, word])
    ]
    text = " that were trained in noise, and not"
    return _pipeline_section("Noise-robust pipelines", text, ["Trained in noise"], rows)


def _pipeline_section(heading: str, which: str, columns: list[str], rows: list[list[str]]) -> Section | None:
    titles = [f"{kind.upper() if kind != 'sv' else 'ASV'} {metric_of(name).title}" for kind, name in _METRICS.items()]
    header = ["Over", "SSL model of the pipeline", *columns, "Speech", "SSL model of the loss", *titles]
    text = f"Pipelines on a self-supervised (SSL) model{which}. Means [low, high]."
    return Section(heading, [text, Table(header, rows, len(header) - len(titles))]) if rows else None


def _pipeline_rows(downstream: Downstream, ssl: str, noise_robust: bool, start: list[str]) -> Iterator[list[str]]:
    """A row for each over and speech: of each kind of task the first system on this model."""
    chosen: dict[str, DownstreamSystem] = {}
    for system in downstream.systems.values():
        if (system.ssl, system.noise_robust) == (ssl, noise_robust):
            chosen.setdefault(system.kind, system)
    for over in downstream.overs if chosen else ():
        for one in downstream.speech:
            if one.label != "clean":
                cells = [downstream.cell(one, chosen[kind], over) if kind in chosen else NONE for kind in _METRICS]
                yield [over, *start, one.label, one.loss_ssl or NONE, *cells]
