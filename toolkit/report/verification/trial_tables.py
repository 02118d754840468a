"""Tables of verification, from collected results (see :mod:`toolkit.report.verification.trial_results`)."""

from collections.abc import Callable, Collection, Mapping, Sequence

from toolkit.io.errors import InputError
from toolkit.metrics.verification.registry import MAIN, METRICS
from toolkit.report.blocks import Section, Table
from toolkit.report.bootstrap_samples import average_interval
from toolkit.report.summaries import Condition, Estimate, Experiment, SetSummary, Summary, metric_of

NONE = "-"  # a cell without a number
TITLES = [METRICS[name].title for name in MAIN]

Row = dict[Condition, SetSummary]


def by_test_set(results: Experiment) -> dict[str, Row]:
    """Test set -> condition -> set, without sets that mix conditions.

    The test set is empty, and there is one, if no condition occurs twice, unless the experiment ``names_test_set``.

    Raises:
        InputError: two sets have the same condition and the same test set.
    """
    sets = [test_set for test_set in results.sets if not test_set.condition.is_mixed]
    several = results.names_test_set or len({test_set.condition for test_set in sets}) < len(sets)
    rows: dict[str, Row] = {}
    for test_set in sets:
        row = rows.setdefault(test_set.test_set if several else "", {})
        if test_set.condition in row:
            raise InputError(
                f"{results.expdir}: sets {row[test_set.condition].name} and {test_set.name} both hold the condition "
                f"'{test_set.condition}'; give each a test_set in its conditions.tsv"
            )
        row[test_set.condition] = test_set
    return rows


def row_label(name: str, test_set: str) -> str:
    """``sv_x``, ``sv_x: test``: of an experiment (or the mixture), by test set where there are several."""
    return f"{name}: {test_set}" if test_set else name


def name_test_sets(experiments: Sequence[Experiment]) -> None:
    """Where one experiment has several test sets, the rows of those that were scored on one of them name it too."""
    if any(len(by_test_set(results)) > 1 for results in experiments):
        for results in experiments:
            results.names_test_set = True


def columns_of(rows: Sequence[Mapping[Condition, object]], ood: Collection[str], of_ood: bool) -> list[Condition]:
    """The conditions of the rows, either out of domain or in domain, in the order of tables."""
    conditions = {condition for row in rows for condition in row if (condition.noise in ood) == of_ood}
    return sorted(conditions, key=lambda condition: condition.order)


def condition_matrix(
    experiments: Sequence[Experiment],
    ood: Collection[str] = (),
    *,
    of_ood: bool = False,
    cell: Callable[[SetSummary], str] | None = None,
    average: Callable[[list[SetSummary]], str] | None = None,
) -> Table | None:
    """A metric by condition, a row for every experiment: clean, then each kind of noise at each SNR, then their mean.

    Args:
        experiments: collected results.
        ood: kinds of noise that are out of domain.
        of_ood: show only these kinds; else only the others.
        cell: of a set; default: its EER (%).
        average: cell of the mean over sets; default: of their EER, with an interval if the bootstrap samples of the
            sets are of the same speakers.

    Returns:
        The table, or None if there is no such condition. A row that lacks a column has no mean.
    """
    rows = [(row_label(e.name, test_set), row) for e in experiments for test_set, row in by_test_set(e).items()]
    columns = columns_of([row for _, row in rows], ood, of_ood)
    if not columns:
        return None
    cells = []
    for label, row in rows:
        sets = [row[c] for c in columns if c in row]
        values = [(cell or _eer_cell)(row[c]) if c in row else NONE for c in columns]
        mean = (
            values[0] if len(columns) == 1 else (average or average_cell)(sets) if len(sets) == len(columns) else NONE
        )
        if sets:
            cells.append([label, *values, mean if len(columns) > 1 else values[0]])
    return Table(["Experiment", *condition_header(columns), "Avg."], cells)


def condition_matrices(experiments: Sequence[Experiment], ood: Collection[str], title: str, **cells) -> list[Section]:
    """Sections on a metric by condition (``title``), apart for kinds of noise that are out of domain."""
    sections = []
    for heading, of_ood in ((f"{title} by noise and SNR (dB)", False), (f"{title} under out-of-domain noise", True)):
        if table := condition_matrix(experiments, ood, of_ood=of_ood, **cells):
            sections.append(Section(heading, [table, "Avg.: mean of all columns [low, high]."]))
    return sections


def _eer_cell(test_set: SetSummary) -> str:
    return f"{test_set.metrics['eer'].value:.2f}"


def condition_header(columns: Sequence[Condition]) -> list[str]:
    """``Clean``, ``Babble, 0 dB``: heads of columns."""
    names = map(str, columns)
    return [name[:1].upper() + name[1:] for name in names]


def average_cell(sets: Sequence[SetSummary]) -> str:
    """``4.56 [4.10, 5.02]``: the mean EER of sets, in %."""
    average = average_eer(sets)
    interval = "" if average.low is None else f" [{average.low:.2f}, {average.high:.2f}]"
    return f"{average.value:.2f}{interval}"


def average_eer(sets: Sequence[SetSummary]) -> Estimate:
    """The mean EER of sets, in %; it has no interval if the bootstrap samples differ in speakers or seed."""
    if len(sets) == 1:
        return sets[0].metrics["eer"]
    return Estimate(mean_of_metric(sets, "eer"), *(average_interval(sets, "eer") or ()))


def mean_of_metric(sets: Sequence[SetSummary], metric: str) -> float:
    """The mean over sets, in the metric's unit."""
    return sum(test_set.metrics[metric].value for test_set in sets) / len(sets)


def interval_cell(metric: Estimate, digits: int) -> str:
    """``4.56 [4.10, 5.02]``."""
    interval = NONE if metric.low is None else f"{metric.low:.{digits}f}, {metric.high:.{digits}f}"
    return f"{metric.value:.{digits}f} [{interval}]"


def metric_cell(summary: Summary, name: str) -> str:
    """As :func:`interval_cell`; without a number where the metric has no value."""
    estimate = summary.metrics.get(name)
    return NONE if estimate is None or estimate.value is None else interval_cell(estimate, metric_of(name).digits)


def detail_table(experiments: Sequence[Experiment]) -> Table:
    """Every set of every experiment: all metrics with intervals, and the numbers of speakers and trials."""
    rows = []
    for results in experiments:
        for test_set in sorted(results.sets, key=lambda test_set: test_set.condition.order):
            noise, snr = test_set.condition
            cells = [metric_cell(test_set, name) for name in MAIN]
            counts = [f"{count:,}" for count in (test_set.n_speakers, test_set.n_target, test_set.n_nontarget)]
            rows.append([results.name, test_set.name, noise, NONE if snr is None else str(snr), *cells, *counts])
    header = ["Experiment", "Set", "Noise", "SNR (dB)", *TITLES]
    return Table([*header, "Speakers", "Targets", "Nontargets"], rows, text_columns=3)


def kind_of(condition: Condition, ood: Collection[str]) -> str:
    """``clean``, ``in noise``, ``out of domain``."""
    return "clean" if condition.noise == "clean" else "out of domain" if condition.noise in ood else "in noise"


def _groups(results: Experiment, ood: Collection[str]) -> dict[str, list[SetSummary]]:
    """``<test set>, clean`` (in noise, out of domain) -> its sets; then each set that mixes conditions."""
    groups: dict[str, list[SetSummary]] = {}
    for name, row in by_test_set(results).items():
        for condition, test_set in sorted(row.items(), key=lambda pair: kind_of(pair[0], ood)):
            groups.setdefault(f"{name or 'test'}, {kind_of(condition, ood)}", []).append(test_set)
    return groups | {test_set.name: [test_set] for test_set in results.sets if test_set.condition.is_mixed}


def summary(experiments: Sequence[Experiment], ood: Collection[str]) -> Section:
    """EER and minDCF(0.05) by test set, the format of SEED's Table 1; noisy ones are means over kinds and SNRs."""
    rows = [(results.name, _groups(results, ood)) for results in experiments]
    columns = list(dict.fromkeys(name for _, groups in rows for name in groups))
    cells = []
    for label, groups in rows:
        row = [label]
        for name in columns:
            sets = groups.get(name)
            row += [NONE, NONE] if sets is None else [average_cell(sets), f"{mean_of_metric(sets, 'min_dcf_0.05'):.3f}"]
        cells.append(row)
    header = ["System", *(cell for name in columns for cell in (f"{name}: EER (%)", "minDCF"))]
    text = "Value [low, high]; in noise: mean over kinds of noise and SNRs; minDCF: P(target) = 0.05."
    return Section("EER and minDCF by test set", [text, Table(header, cells)], folded=False)


def condition_sections(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """EER by condition, apart for kinds of noise that are out of domain; of the first experiment all metrics."""
    text = (
        f"All metrics of {experiments[0].name}, value [low, high]. Those of the other experiments are in results.json, "
        "as scores/<set>/metrics.json has them."
    )
    sections = condition_matrices(experiments, ood, "EER (%)")
    return [*sections, Section("Every condition", [text, detail_table(experiments[:1])])]
