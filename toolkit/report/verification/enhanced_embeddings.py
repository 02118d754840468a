"""Sections of RESULTS.md on enhancement of embeddings: costs, spread of the noise."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.report.blocks import Section, Table
from toolkit.report.collection import CONDITION
from toolkit.report.summaries import Condition, Experiment, SetSummary
from toolkit.report.verification.trial_tables import (
    NONE,
    kind_of,
    mean_of_metric,
)

SPREAD, COST = "sampling", "cost"  # <name><scoring variant>.json of an experiment
_SPREAD = {
    "seeds": int,
    "draws": int,
    "timesteps": [int],
    "sets": {
        ...: {
            "condition": CONDITION,
            **{name: [float] for name in ("single", "averaged", "timesteps")},
        }
    },
}
_COST = {"parts": [str], "parameters": int, "rtf_1thread": float, "peak_memory_mib": float, "seconds": float}


def sections(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """All sections for which there are results."""
    tables = (table_of_costs, table_of_spread, table_of_timesteps)
    parts = (table(experiments, ood) for table in tables)
    return [part for part in parts if part is not None]


def _file_of(results: Experiment, name: str, shape: Mapping) -> dict | None:
    """Content of ``<name><variant>.json`` of an experiment; None if there is no such file."""
    path = Path(results.expdir) / f"{name}{results.scores.removeprefix('scores')}.json"
    if not path.is_file():
        return None
    content = read_json(path, "run stage 8 again")
    if fault := misfit(content, shape):
        raise InputError(f"{path}: {fault}; run stage 8 again")
    return content


def table_of_costs(experiments: Sequence[Experiment], ood: Collection[str]) -> Section | None:
    """Cost of each system from audio to embedding, and its error rates; the format of SEED's Table 2."""
    costs = [(results, cost) for results in experiments if (cost := _file_of(results, COST, _COST))]
    if not costs:
        return None
    seconds, cells = {cost["seconds"] for _, cost in costs}, []
    names = _names(_kinds(costs[0][0], ood))
    for results, cost in costs:
        kinds = _kinds(results, ood)
        comparable = [kind for kind, own in _names(kinds).items() if own == names.get(kind)]
        rates = [
            f"{mean_of_metric(kinds[kind], 'eer'):.2f}" if kind in comparable else NONE
            for kind in ("clean", "in noise")
        ]
        figures = [f"{cost['parameters'] / 1e6:.2f}", f"{cost['rtf_1thread']:.4f}", f"{cost['peak_memory_mib']:.0f}"]
        cells.append([results.name, " -> ".join(cost["parts"]), *figures, *rates])
    header = ["System", "Made of", "Parameters (M)", "RTF", "Memory (MiB)", "Clean: EER (%)", "In noise: EER (%)"]
    text = (
        f"From audio to embedding, of {' or '.join(f'{s:g}' for s in sorted(seconds))} s of audio, on one thread of a "
        "CPU. RTF: seconds of work a second of audio. Memory: what inference adds. EER: mean "
        "over test sets, where they are those of the first."
    )
    return Section("Costs", [text, Table(header, cells, text_columns=2)])


def _kinds(results: Experiment, ood: Collection[str]) -> dict[str, list[SetSummary]]:
    """``clean``, ``in noise``, ``out of domain`` -> the sets of all test sets."""
    kinds: dict[str, list[SetSummary]] = {}
    for set_result in results.sets:
        if not set_result.condition.is_mixed:
            kinds.setdefault(kind_of(set_result.condition, ood), []).append(set_result)
    return kinds


def _names(kinds: Mapping[str, Sequence[SetSummary]]) -> dict[str, set[str]]:
    return {kind: {set_result.name for set_result in sets} for kind, sets in kinds.items()}


def _spreads(
    experiments: Sequence[Experiment], ood: Collection[str]
) -> Iterator[tuple[Experiment, str, dict, list[dict]]]:
    """``(experiment, kind of sets, content of sampling.json, its sets of this kind)``."""
    for results in experiments:
        spread = _file_of(results, SPREAD, _SPREAD)
        kinds: dict[str, list[dict]] = {}
        for set_spread in spread["sets"].values() if spread else ():
            condition = Condition(set_spread["condition"]["noise"], set_spread["condition"]["snr"])
            if not condition.is_mixed:
                kinds.setdefault(kind_of(condition, ood), []).append(set_spread)
        yield from ((results, kind, spread, sets) for kind, sets in kinds.items() if spread)


def table_of_spread(experiments: Sequence[Experiment], ood: Collection[str]) -> Section | None:
    """EER over seeds of the noise that inference draws, and of means over several draws."""
    cells, counts = [], set()
    for results, kind, spread, sets in _spreads(experiments, ood):
        counts.add((spread["seeds"], spread["draws"]))
        single, averaged = (np.mean([set_spread[name] for set_spread in sets], 0) for name in ("single", "averaged"))
        values = [f"{value:.2f}" for value in (single[0], single.min(), np.median(single), single.max())]
        means = [f"{averaged.min():.2f} to {averaged.max():.2f}"] if averaged.size else [NONE]
        cells.append([results.name, kind, str(len(sets)), *values, *means])
    if not cells:
        return None
    num_seeds, num_draws = (" or ".join(sorted({str(count[i]) for count in counts})) for i in (0, 1))
    text = (
        f"The noise that is added in use, drawn with {num_seeds} seeds: EER (%), mean over sets, of each seed. Mean of "
        f"draws: embeddings averaged over {num_draws} draws, which costs as many passes of the enhancer. Where this "
        "spread is as large as the gain, a single seed is not evidence. No seed is chosen: the tables are those of "
        "seed 0."
    )
    header = ["Experiment", "Over", "Sets", "Seed 0", "Lowest", "Median", "Highest", "Mean of draws"]
    return Section("Spread over the noise of sampling", [text, Table(header, cells, text_columns=2)])


def table_of_timesteps(experiments: Sequence[Experiment], ood: Collection[str]) -> Section | None:
    """EER by the timestep at which enhancement starts."""
    rows = [row for row in _spreads(experiments, ood) if row[2]["timesteps"]]
    steps = sorted({step for _, _, spread, _ in rows for step in spread["timesteps"]})
    if not rows:
        return None
    cells = []
    for results, kind, spread, sets in rows:
        means = np.mean([set_spread["timesteps"] for set_spread in sets], 0)
        rates = dict(zip(spread["timesteps"], means, strict=True))
        cells.append([results.name, kind, *(f"{rates[s]:.2f}" if s in rates else NONE for s in steps)])
    text = "EER (%), mean over sets, by the timestep of the noise that is added in use; all with the same weights."
    header = ["Experiment", "Over", *(f"t = {step}" for step in steps)]
    return Section("Timestep", [text, Table(header, cells, text_columns=2)])
