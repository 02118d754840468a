"""Tables in Markdown, from collected results (see :mod:`toolkit.report.verification.trial_results`)."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from toolkit.io.errors import InputError
from toolkit.report.bootstrap_samples import average_interval
from toolkit.report.verdict import verdicts
from toolkit.report.verification.trial_results import METRICS

NONE = "-"  # a cell without a number
TITLES = ("EER (%)", "minDCF(0.01)", "minDCF(0.05)")  # of METRICS
DIGITS = (2, 3, 3)

Condition = tuple[str, float | None]  # kind of noise, SNR in dB; ("clean", None)


def condition_of(set_result: Mapping) -> Condition | None:
    """The condition of a set; None if it mixes several."""
    noise, snr = set_result["condition"]["noise"], set_result["condition"]["snr"]
    return None if "mixed" in (noise, snr) else (noise, snr)


def by_condition(results: Mapping) -> dict[str, dict[Condition, dict]]:
    """Row label -> condition -> set.

    If no condition occurs twice: one row, named after the experiment. Otherwise, or with ``names_test_set``
    (:func:`name_test_sets`), a row for every test set; its noisy versions are named after it,
    ``<test set>_<noise>_<snr>``.

    Raises:
        InputError: two sets have the same condition and the same name but for the condition.
    """
    sets = [
        (cast(Condition, condition_of(set_result)), set_result)
        for set_result in results["sets"]
        if condition_of(set_result) is not None
    ]
    several = results.get("names_test_set", False) or len({condition for condition, _ in sets}) < len(sets)
    rows: dict[str, dict[Condition, dict]] = {}
    for condition, set_result in sets:
        label = f"{results['experiment']}: {_test_set(set_result, condition)}" if several else results["experiment"]
        row = rows.setdefault(label, {})
        if condition in row:
            raise InputError(
                f"{results['expdir']}: sets {row[condition]['set']} and {set_result['set']} both hold the condition "
                f"'{condition_name(condition)}'; name sets <test set>_<noise>_<snr>"
            )
        row[condition] = set_result
    return rows


def name_test_sets(experiments: Sequence[dict]) -> None:
    """Where one experiment has several test sets, the rows of those that were scored on one of them name it too."""
    several = [len(by_condition(results)) > 1 for results in experiments]
    if any(several):
        for results, has_several in zip(experiments, several, strict=True):
            if not has_several:
                results["names_test_set"] = True


def _test_set(set_result: Mapping, condition: Condition) -> str:
    noise, snr = condition
    return set_result["set"].removesuffix(f"_{noise}" if snr is None else f"_{noise}_{snr:g}")


def condition_name(condition: Condition) -> str:
    """``clean``, ``babble 5 dB``."""
    noise, snr = condition
    return noise if snr is None else f"{noise} {snr:g} dB"


def order_of(condition: Condition | None) -> tuple:
    """Sort key: clean first, then by noise and SNR; mixed conditions (None) last."""
    if condition is None:
        return (2,)
    noise, snr = condition
    return int(noise != "clean"), noise, float("-inf") if snr is None else snr


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """A table; all columns but the first ``text_columns`` are right-aligned."""
    rule = ["---"] * text_columns + ["---:"] * (len(header) - text_columns)
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows)) + "\n"


def condition_matrix(experiments: Sequence[Mapping], ood: Collection[str] = (), *, of_ood: bool = False) -> str | None:
    """EER (%) by condition, a row for every experiment: clean, then each kind of noise at each SNR, then their mean.

    Args:
        experiments: collected results.
        ood: kinds of noise that are out of domain.
        of_ood: show only these kinds; else only the others.

    Returns:
        The table, or None if there is no such condition. ``Avg.`` is the mean of all columns, with an interval if
        the bootstrap samples of the sets are of the same speakers; a row that lacks a column has none.
    """
    rows = [pair for results in experiments for pair in by_condition(results).items()]
    columns = sorted({c for _, row in rows for c in row if (c[0] in ood) == of_ood}, key=order_of)
    if not columns:
        return None
    cells = []
    for label, row in rows:
        values = [row[c]["metrics"]["eer"]["value"] if c in row else None for c in columns]
        if any(value is not None for value in values):
            average = NONE if None in values else _average_cell([row[c] for c in columns])
            cells.append([label, *(NONE if v is None else f"{v:.2f}" for v in values), average])
    return markdown(["Experiment", *condition_header(columns), "Avg."], cells)


def condition_header(columns: Sequence[Condition]) -> list[str]:
    """``Clean``, ``Babble 0``, ``5``, ...: column heads; each kind of noise is named once."""
    header = []
    for previous, (noise, snr) in zip([None, *columns], columns, strict=False):
        named = previous is not None and previous[0] == noise
        header.append(f"{snr:g}" if named else noise.capitalize() + ("" if snr is None else f" {snr:g}"))
    return header


def _average_cell(sets: Sequence[Mapping]) -> str:
    average = average_eer(sets)
    interval = "" if average["low"] is None else f" [{average['low']:.2f}, {average['high']:.2f}]"
    return f"{average['value']:.2f}{interval}"


def average_eer(sets: Sequence[Mapping]) -> dict:
    """``{"value", "low", "high"}`` of the mean EER of sets, in %. low and high are None for a single set, or if
    the bootstrap samples differ in speakers or seed."""
    value = sum(set_result["metrics"]["eer"]["value"] for set_result in sets) / len(sets)
    low, high = (average_interval(sets, "eer") if len(sets) > 1 else None) or (None, None)
    return {"value": value, "low": low, "high": high}


def interval_cell(metric: Mapping, digits: int) -> str:
    """``4.56 [4.10, 5.02]``."""
    value, low, high = metric["value"], metric["low"], metric["high"]
    interval = NONE if low is None else f"{low:.{digits}f}, {high:.{digits}f}"
    return f"{value:.{digits}f} [{interval}]"


def detail_table(experiments: Sequence[Mapping]) -> str:
    """Every set of every experiment: all metrics with intervals, and the numbers of speakers and trials."""
    rows = []
    for results in experiments:
        for set_result in sorted(results["sets"], key=lambda set_result: order_of(condition_of(set_result))):
            noise, snr = set_result["condition"]["noise"], set_result["condition"]["snr"]
            rows.append(
                [
                    results["experiment"],
                    set_result["set"],
                    noise,
                    NONE if snr is None else str(snr),
                    *(
                        interval_cell(set_result["metrics"][name], digits)
                        for name, digits in zip(METRICS, DIGITS, strict=True)
                    ),
                    *(f"{set_result[count]:,}" for count in ("n_speakers", "n_target", "n_nontarget")),
                ]
            )
    header = ["Experiment", "Set", "Noise", "SNR (dB)", *TITLES]
    return markdown([*header, "Speakers", "Targets", "Nontargets"], rows, text_columns=3)


COST = "MACs: of one second of audio, counted by the rules of thop, as papers do (of verification: of the encoder)."


def origin_table(experiments: Sequence[Mapping]) -> str:
    """Origin of the results (config, commit, date, seed, size): a row for every experiment."""
    rows = []
    for results in experiments:
        train = results["train"]
        parameters, macs, seconds = (train.get(name) for name in ("parameters", "macs_thop", "wall_seconds"))
        rows.append(
            [
                results["experiment"],
                _or_none(results["config_path"], "`{}`"),
                _or_none(results["commit"], "`{}`"),
                results["date"],
                _or_none(results["seed"]),
                _or_none(parameters, "{:,}"),
                _or_none(None if macs is None else macs / 1e9, "{:#.3g}"),
                _or_none(train.get("epochs")),
                _or_none(None if seconds is None else seconds / 60, "{:.1f}"),
            ]
        )
    header = ["Experiment", "Config", "Commit", "Date (UTC)", "Seed", "Parameters", "MACs (G)", "Epochs"]
    table = markdown([*header, "Training (min)"], rows, text_columns=4)
    return f"{table}\n{COST}\n" if any(row[6] != NONE for row in rows) else table


def _or_none(value, template: str = "{}") -> str:
    return NONE if value is None else template.format(value)


def interval_method(experiments: Sequence[Mapping]) -> str:
    """A sentence on the method of the intervals."""
    kinds = {
        tuple(sorted(set_result["bootstrap"].items())) for results in experiments for set_result in results["sets"]
    }
    methods = [
        f"{100 * b['level']:g} % bootstrap over {b['unit']}s: {b['method']}, {b['resamples']} draws, seed {b['seed']}"
        for b in map(dict, sorted(kinds))
        if b["resamples"]
    ]
    return "Intervals: " + ("; ".join(methods) or "none") + "."


def scoring_method(experiments: Sequence[Mapping]) -> str:
    """A sentence on the scoring backends; empty if they are unknown."""
    backends: dict[str, dict[str, None]] = {}
    for results in experiments:
        for set_result in results["sets"]:
            if "scoring" in set_result:
                backends.setdefault(_scoring_backend(set_result["scoring"]), {})[results["experiment"]] = None
    if not backends:
        return ""
    if len(backends) == 1:
        return f"Scores: {next(iter(backends))}."
    return "Scores: " + "; ".join(f"{backend} ({', '.join(names)})" for backend, names in backends.items()) + "."


def _scoring_backend(facts: dict) -> str:
    parts = [facts["scoring"]]
    for key, text in (("segments", " of {}"), ("enrolment", ", enrolment by {}")):
        if key in facts:
            parts.append(text.format(facts[key]))
    if facts["score_norm"] != "none":
        top = f"the highest {facts['top_n']} of " if "top_n" in facts else ""
        parts.append(f", {facts['score_norm']} by {top}{facts['cohort']}")
    return "".join(parts)


def results_page(
    title: str,
    experiments: Sequence[Mapping],
    command: str,
    ood: Collection[str] = (),
    plots: Sequence[tuple[str, str]] = (),
    sections: Sequence[str] = (),
) -> str:
    """A whole RESULTS.md.

    Args:
        experiments: collected results, a row each.
        command: the command line that makes the page.
        ood: kinds of noise that are out of domain; they have a separate table.
        plots: ``(caption, path relative to the page)``.
        sections: further sections, in Markdown, before the plots.
    """
    parts = []
    for heading, of_ood in (("EER (%) by noise and SNR (dB)", False), ("EER (%) under out-of-domain noise", True)):
        matrix = condition_matrix(experiments, ood, of_ood=of_ood)
        if matrix:
            parts += [f"## {heading}\n", matrix, "Avg.: mean of all columns [low, high].\n"]
    parts += [
        "## Every condition\n",
        " ".join(["Value [low, high].", interval_method(experiments), scoring_method(experiments)]).strip() + "\n",
        detail_table(experiments),
        *sections,
    ]
    return page_of(title, experiments, command, parts, plots)


def page_of(
    title: str,
    experiments: Sequence[Mapping],
    command: str,
    parts: Sequence[str],
    plots: Sequence[tuple[str, str]] = (),
) -> str:
    """A RESULTS.md of any task: verdicts, origin of the results, ``parts``, plots; arguments as in results_page."""
    lines = [f"{line}\n" for line in verdicts(experiments)]
    parts = [f"# {title}\n", f"Made by `{command}`; do not edit.\n", *lines, origin_table(experiments), *parts]
    if plots:
        parts += ["## Plots\n", *(f"![{caption}]({path})\n" for caption, path in plots)]
    return "\n".join(parts)
