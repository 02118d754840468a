"""How much the EER of enhanced embeddings depends on the sampled noise: many seeds, and means over noise samples."""

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.datadir import read_table
from toolkit.io.embeddings import read_all
from toolkit.io.trials import check_ids
from toolkit.metrics.verification.error_rates import eer
from toolkit.metrics.verification.vectors import sums_by_owner, unit
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.tasks.verification.trial_scoring import TrialSet, UnitRows, load_trials, scores_of_rows


def spread_of_list(
    enhancer: EmbeddingEnhancer,
    trial_list,
    embeddings,
    seeds: int,
    draws: int,
    scoring: str = "cosine",
    timesteps: Sequence[int] = (),
) -> dict[str, list[float]]:
    """EER in % of a trial list, with noise of several seeds, and from several timesteps on.

    Args:
        trial_list: of a data dir, with ``utt2spk`` beside it.
        embeddings: scp of the embeddings before enhancement.
        seeds: number of seeds, from 0.
        draws: number of successive seeds over which embeddings are averaged; 0: no average.
        timesteps: further starting timesteps, each with seed 0.

    Returns:
        ``single``: an EER for each seed; ``averaged``: of each ``seeds // draws`` mean over ``draws`` seeds;
        ``timesteps``: for each timestep.
    """
    path = Path(trial_list)
    models = path.with_name("enroll2utt")
    trials = load_trials(path, path.with_name("utt2spk"), models if models.is_file() else None)
    rows, names, counts = _raw_rows(embeddings, trials.sides.utts)
    rates: dict[str, list[float]] = {"single": [], "averaged": [], "timesteps": []}
    total = np.zeros((len(rows), enhancer.network.output_dim), np.float32)
    for seed in range(seeds):
        enhanced = enhancer.enhance_rows(rows, names, seed)
        rates["single"].append(_eer(trials, enhanced, counts, scoring))
        total += enhanced
        if draws and (seed + 1) % draws == 0:
            rates["averaged"].append(_eer(trials, total / draws, counts, scoring))
            total[:] = 0
    moved = EmbeddingEnhancer(copy.deepcopy(enhancer.network))
    for timestep in timesteps:
        moved.network.start_at(timestep)
        rates["timesteps"].append(_eer(trials, moved.enhance_rows(rows, names), counts, scoring))
    return rates


def _raw_rows(scp, utts: list[str]) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Embeddings (R, D) of utterances as they are, utterance by utterance, a name of each row, rows of each (U,)."""
    table = read_table(scp)
    check_ids(utts, table, str(scp))
    rows, counts, segmented = read_all(table, utts, str(scp))
    names = [row for utt, n in zip(utts, counts, strict=True) for row in row_names(utt, int(n), segmented)]
    return rows, names, counts


def row_names(utt: str, count: int, segmented: bool) -> Iterator[str]:
    """Names of an utterance's embeddings, which seed their noise: its id, with a number if it has segments."""
    return (f"{utt}#{k}" if segmented else utt for k in range(count))


def _eer(trials: TrialSet, rows: np.ndarray, counts: np.ndarray, scoring: str) -> float:
    rows = unit(rows)
    sums = rows if (counts == 1).all() else sums_by_owner(rows, counts)
    scores = scores_of_rows(UnitRows(sums, counts, rows), trials.sides, scoring)
    is_target = trials.trials.is_target
    return 100 * eer(scores[is_target], scores[~is_target])[0]
