"""Sections of RESULTS.md on enhancement of embeddings: error rates by test set, spread of the noise, costs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json
from toolkit.report.verification.trial_tables import (
    NONE,
    Condition,
    average_eer,
    by_condition,
    condition_of,
    markdown,
)

SPREAD, COST = "sampling", "cost"  # <name><scoring variant>.json of an experiment
_SPREAD = {
    "seeds": int,
    "draws": int,
    "timesteps": [int],
    "sets": {
        ...: {
            "condition": {"noise": str, "snr": (float, "mixed", None)},
            **{name: [float] for name in ("single", "averaged", "timesteps")},
        }
    },
}
_COST = {"parts": [str], "parameters": int, "rtf_1thread": float, "peak_memory_mib": float, "seconds": float}
_MIN_DCF = "min_dcf_0.05"


def sections(experiments: Sequence[dict], ood: Collection[str]) -> list[str]:
    """All sections for which there are results."""
    tables = (table_of_sets, table_of_costs, table_of_spread, table_of_timesteps)
    parts = (table(experiments, ood) for table in tables)
    return [part for part in parts if part is not None]


def _kind(condition: Condition, ood: Collection[str]) -> str:
    noise, _ = condition
    return "clean" if noise == "clean" else "out of domain" if noise in ood else "in noise"


def _groups(results: dict, ood: Collection[str]) -> dict[str, list[dict]]:
    """``<test set>, clean`` (in noise, out of domain) -> its sets."""
    groups: dict[str, list[dict]] = {}
    for label, row in by_condition(results).items():
        name = label.removeprefix(results["experiment"]).removeprefix(": ") or "test"
        for condition, set_result in sorted(row.items(), key=lambda pair: _kind(pair[0], ood)):
            groups.setdefault(f"{name}, {_kind(condition, ood)}", []).append(set_result)
    return groups


def table_of_sets(experiments: Sequence[dict], ood: Collection[str]) -> str | None:
    """EER and minDCF(0.05) by test set, the format of SEED's Table 1; noisy ones are means over kinds and SNRs."""
    rows = [(results["experiment"], _groups(results, ood)) for results in experiments]
    columns = list(dict.fromkeys(name for _, groups in rows for name in groups))
    if not columns:
        return None
    cells = []
    for label, groups in rows:
        row = [label]
        for name in columns:
            sets = groups.get(name)
            row += [NONE, NONE] if sets is None else [_eer(sets), f"{_mean(sets, _MIN_DCF):.3f}"]
        cells.append(row)
    header = ["System", *(cell for name in columns for cell in (f"{name}: EER (%)", "minDCF"))]
    text = "minDCF: P(target) = 0.05. In noise: mean over kinds of noise and SNRs. [low, high]: see Every condition.\n"
    return "\n".join(["## EER and minDCF by test set\n", text, markdown(header, cells)])


def _mean(sets: Sequence[dict], metric: str) -> float:
    return float(np.mean([set_result["metrics"][metric]["value"] for set_result in sets]))


def _eer(sets: Sequence[dict]) -> str:
    average = average_eer(sets) if len(sets) > 1 else sets[0]["metrics"]["eer"]
    interval = "" if average["low"] is None else f" [{average['low']:.2f}, {average['high']:.2f}]"
    return f"{average['value']:.2f}{interval}"


def _file_of(results: dict, name: str, shape: Mapping) -> dict | None:
    """Content of ``<name><variant>.json`` of an experiment; None if there is no such file."""
    path = Path(results["expdir"]) / f"{name}{results['scores'].removeprefix('scores')}.json"
    if not path.is_file():
        return None
    content = read_json(path, "run stage 8 again")
    if fault := misfit(content, shape):
        raise InputError(f"{path}: {fault}; run stage 8 again")
    return content


def table_of_costs(experiments: Sequence[dict], ood: Collection[str]) -> str | None:
    """Cost of each system from audio to embedding, and its error rates; the format of SEED's Table 2."""
    costs = [(results, cost) for results in experiments if (cost := _file_of(results, COST, _COST))]
    if not costs:
        return None
    seconds, cells = {cost["seconds"] for _, cost in costs}, []
    names = _names(_kinds(costs[0][0], ood))
    for results, cost in costs:
        kinds = _kinds(results, ood)
        comparable = [kind for kind, own in _names(kinds).items() if own == names.get(kind)]
        rates = [f"{_mean(kinds[kind], 'eer'):.2f}" if kind in comparable else NONE for kind in ("clean", "in noise")]
        figures = [f"{cost['parameters'] / 1e6:.2f}", f"{cost['rtf_1thread']:.4f}", f"{cost['peak_memory_mib']:.0f}"]
        cells.append([results["experiment"], " -> ".join(cost["parts"]), *figures, *rates])
    header = ["System", "Made of", "Parameters (M)", "RTF", "Memory (MiB)", "Clean: EER (%)", "In noise: EER (%)"]
    text = (
        f"From audio to embedding, of {' or '.join(f'{s:g}' for s in sorted(seconds))} s of audio, on one thread of a "
        "CPU. RTF: seconds of work a second of audio. Memory: what inference adds. EER: mean "
        "over test sets, where they are those of the first.\n"
    )
    return "\n".join(["## Costs\n", text, markdown(header, cells, text_columns=2)])


def _kinds(results: dict, ood: Collection[str]) -> dict[str, list[dict]]:
    """``clean``, ``in noise``, ``out of domain`` -> the sets of all test sets."""
    kinds: dict[str, list[dict]] = {}
    for set_result in results["sets"]:
        if (condition := condition_of(set_result)) is not None:
            kinds.setdefault(_kind(condition, ood), []).append(set_result)
    return kinds


def _names(kinds: Mapping[str, Sequence[dict]]) -> dict[str, set[str]]:
    return {kind: {set_result["set"] for set_result in sets} for kind, sets in kinds.items()}


def _spreads(experiments: Sequence[dict], ood: Collection[str]) -> Iterator[tuple[dict, str, dict, list[dict]]]:
    """``(experiment, kind of sets, content of sampling.json, its sets of this kind)``."""
    for results in experiments:
        spread = _file_of(results, SPREAD, _SPREAD)
        kinds: dict[str, list[dict]] = {}
        for set_spread in spread["sets"].values() if spread else ():
            noise, snr = set_spread["condition"]["noise"], set_spread["condition"]["snr"]
            if "mixed" not in (noise, snr):
                kinds.setdefault(_kind((noise, snr), ood), []).append(set_spread)
        yield from ((results, kind, spread, sets) for kind, sets in kinds.items() if spread)


def table_of_spread(experiments: Sequence[dict], ood: Collection[str]) -> str | None:
    """EER over seeds of the noise that inference draws, and of means over several draws."""
    cells, counts = [], set()
    for results, kind, spread, sets in _spreads(experiments, ood):
        counts.add((spread["seeds"], spread["draws"]))
        single, averaged = (np.mean([set_spread[name] for set_spread in sets], 0) for name in ("single", "averaged"))
        values = [f"{value:.2f}" for value in (single[0], single.min(), np.median(single), single.max())]
        means = [f"{averaged.min():.2f} to {averaged.max():.2f}"] if averaged.size else [NONE]
        cells.append([results["experiment"], kind, str(len(sets)), *values, *means])
    if not cells:
        return None
    num_seeds, num_draws = (" or ".join(sorted({str(count[i]) for count in counts})) for i in (0, 1))
    text = (
        f"The noise that is added in use, drawn with {num_seeds} seeds: EER (%), mean over sets, of each seed. Mean of "
        f"draws: embeddings averaged over {num_draws} draws, which costs as many passes of the enhancer. Where this "
        "spread is as large as the gain, a single seed says little. No seed is chosen: the tables are those of "
        "seed 0.\n"
    )
    header = ["Experiment", "Over", "Sets", "Seed 0", "Lowest", "Median", "Highest", "Mean of draws"]
    return "\n".join(["## Spread over the noise of sampling\n", text, markdown(header, cells, text_columns=2)])


def table_of_timesteps(experiments: Sequence[dict], ood: Collection[str]) -> str | None:
    """EER by the timestep at which enhancement starts."""
    rows = [row for row in _spreads(experiments, ood) if row[2]["timesteps"]]
    steps = sorted({step for _, _, spread, _ in rows for step in spread["timesteps"]})
    if not rows:
        return None
    cells = []
    for results, kind, spread, sets in rows:
        means = np.mean([set_spread["timesteps"] for set_spread in sets], 0)
        rates = dict(zip(spread["timesteps"], means, strict=True))
        cells.append([results["experiment"], kind, *(f"{rates[s]:.2f}" if s in rates else NONE for s in steps)])
    text = "EER (%), mean over sets, by the timestep of the noise that is added in use; all with the same weights.\n"
    header = ["Experiment", "Over", *(f"t = {step}" for step in steps)]
    return "\n".join(["## Timestep\n", text, markdown(header, cells, text_columns=2)])
