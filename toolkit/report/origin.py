"""How results were made: the section of a page that names experiments, methods and command."""

from collections.abc import Mapping, Sequence

from toolkit.report.blocks import Block, Code, Section, Table
from toolkit.report.summaries import Experiment

NONE = "-"
_COST = "MACs: of one second of audio, counted by the rules of thop, as papers do (of verification: of the encoder)."


def origin_section(experiments: Sequence[Experiment], command: str) -> Section:
    """Config, commit, date, seed, size of every experiment, how intervals and scores were made, and the command.

    Args:
        experiments: collected results.
        command: the command line that makes the page.
    """
    table = origin_table(experiments)
    costs = [_COST] if any(row[6] != NONE for row in table.rows) else []
    methods = [text for text in (interval_method(experiments), scoring_method(experiments)) if text]
    blocks: list[Block] = [table, *costs, *methods, "Made by this command; do not edit:", Code(command)]
    return Section("How it was made", blocks)


def origin_table(experiments: Sequence[Experiment]) -> Table:
    """Config, commit, date, seed and size: a row for every experiment."""
    rows = []
    for results in experiments:
        train = results.train
        macs, seconds = train.get("macs_thop"), train.get("wall_seconds")
        rows.append(
            [
                results.name,
                *(NONE if text is None else Code(text) for text in (results.config_path, results.commit)),
                results.date,
                _or_none(results.seed),
                _or_none(train.get("parameters"), "{:,}"),
                _or_none(None if macs is None else macs / 1e9, "{:#.3g}"),
                _or_none(train.get("epochs")),
                _or_none(None if seconds is None else seconds / 60, "{:.1f}"),
            ]
        )
    header = ["Experiment", "Config", "Commit", "Date (UTC)", "Seed", "Parameters", "MACs (G)", "Epochs"]
    return Table([*header, "Training (min)"], rows, text_columns=4)


def _or_none(value, template: str = "{}") -> str:
    return NONE if value is None else template.format(value)


def interval_method(experiments: Sequence[Experiment]) -> str:
    """A sentence on the method of the intervals."""
    kinds = {tuple(sorted(set_result.bootstrap.items())) for results in experiments for set_result in results.sets}
    methods = [
        f"{100 * b['level']:g} % bootstrap over {b['unit']}s: {b['method']}, {b['resamples']} draws, seed {b['seed']}"
        for b in map(dict, sorted(kinds))
        if b["resamples"]
    ]
    return "Intervals: " + ("; ".join(methods) or "none") + "."


def scoring_method(experiments: Sequence[Experiment]) -> str:
    """A sentence on the scoring backends; empty if they are unknown."""
    backends: dict[str, dict[str, None]] = {}
    for results in experiments:
        for set_result in results.sets:
            if set_result.scoring:
                backends.setdefault(_scoring_backend(set_result.scoring), {})[results.name] = None
    if not backends:
        return ""
    if len(backends) == 1:
        return f"Scores: {next(iter(backends))}."
    return "Scores: " + "; ".join(f"{backend} ({', '.join(names)})" for backend, names in backends.items()) + "."


def _scoring_backend(facts: Mapping) -> str:
    parts = [facts["scoring"]]
    for key, text in (("segments", " of {}"), ("enrolment", ", enrolment by {}")):
        if key in facts:
            parts.append(text.format(facts[key]))
    if facts["score_norm"] != "none":
        top = f"the highest {facts['top_n']} of " if "top_n" in facts else ""
        parts.append(f", {facts['score_norm']} by {top}{facts['cohort']}")
    return "".join(parts)
