"""The hardest trials of a set, to listen to: targets with the lowest and nontargets with the highest scores.

Loads no torch.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.datadir import read_table
from toolkit.io.enrolment import read_enroll2utt
from toolkit.io.errors import InputError
from toolkit.io.scores import read_scores, scores_of
from toolkit.io.trials import Trials, read_trials
from toolkit.metrics.verification.error_rates import eer
from toolkit.report.listening import Row, beginning, write_examples
from toolkit.report.summaries import SetSummary

FOLDER = "hardest_trials"  # in the experiment's folder
_EACH = 2  # trials of a kind and set
_NOTE = (
    "Of {sets}: the targets with the lowest scores and the nontargets with the highest. Margin: how far the score is "
    "on the wrong side of the threshold at the equal error rate. Pictures: spectrograms on one scale of colours."
)


@dataclass(frozen=True)
class ScoredTrials:
    """The trials of a set, and where their audio is.

    Attributes:
        name: of the set.
        trials: the list.
        scores: (N,) scores.
        wav: utterance -> audio.
        speakers: utterance -> speaker.
        models: enrolment model -> utterances; None: trials enrol utterances.
    """

    name: str
    trials: Trials
    scores: np.ndarray
    wav: Mapping[str, str]
    speakers: Mapping[str, str]
    models: dict[str, list[str]] | None

    def hardest(self) -> list[tuple[int, str, float, float]]:
        """Index, kind, threshold, and margin of each trial: by how much its score is wrong."""
        is_target = self.trials.is_target
        _, threshold = eer(self.scores[is_target], self.scores[~is_target])
        chosen = []
        for kind, of_kind, sign in (("target", is_target, -1), ("nontarget", ~is_target, 1)):
            margins = np.where(of_kind, sign * (self.scores - threshold), -np.inf)
            worst = np.argsort(-margins, kind="stable")[: min(_EACH, int(of_kind.sum()))]
            chosen += [(i, kind, threshold, float(margins[i])) for i in worst.tolist()]
        return chosen

    def enrolled(self, i: int) -> tuple[str, str]:
        """The utterance that is heard as the enrolment of a trial, and its label."""
        side = self.trials.ids[self.trials.enroll[i]]
        if self.models is None:
            return side, "enrolment"
        return self.models[side][0], f"enrolment, 1 of {len(self.models[side])}"


def scored_trials(test_set: SetSummary, data: Path) -> ScoredTrials | None:
    """The trials of a collected set; None, with a warning, where they or the audio are not those that were scored.

    Args:
        test_set: collected, with its folder of scores.
        data: data dir of the set.
    """
    files = data / "trials", data / "wav.scp", data / "utt2spk", Path(test_set.folder) / "scores.txt"
    if not all(file.is_file() for file in files):
        return None
    try:
        trials, wav, speakers = read_trials(files[0]), read_table(files[1]), read_table(files[2])
        models = read_enroll2utt(data / "enroll2utt") if (data / "enroll2utt").is_file() else None
        scores = scores_of(trials, read_scores(files[3]), str(files[3]), str(files[0]))
    except InputError as error:
        logging.warning("%s: no hardest trials: %s", test_set.name, error)
        return None
    return ScoredTrials(test_set.name, trials, scores, wav, speakers, models)


def _rows(scored: ScoredTrials, max_seconds: float) -> Iterator[tuple[Row, int]]:
    """The hardest trials, and the rate of their audio."""
    for i, kind, threshold, margin in scored.hardest():
        enrolled, label = scored.enrolled(i)
        test, columns, rate = scored.trials.ids[scored.trials.test[i]], [], 0
        if {enrolled, test} - set(scored.wav):
            continue
        for name, utt in ((label, enrolled), ("test", test)):
            column, rate = beginning(name, scored.wav[utt], utt, max_seconds, rate)
            columns.append(column)
        facts = {"set": scored.name, "kind": kind, "score": f"{scored.scores[i]:.3f}", "threshold": f"{threshold:.3f}"}
        facts |= {"margin": f"{margin:+.3f}"}
        facts |= {name: scored.speakers.get(utt, "?") for name, utt in (("enrolled", enrolled), ("tested", test))}
        yield Row(f"{scored.trials.ids[scored.trials.enroll[i]]} {test}", facts, {"margin": margin}, columns), rate


def write_hardest(folder, sets: Sequence[ScoredTrials], max_seconds: float) -> int:
    """Write audio, pictures and listening.json of the hardest trials; returns their number.

    Raises:
        InputError: audio is bad, or at several rates.
    """
    return write_examples(folder, [pair for scored in sets for pair in _rows(scored, max_seconds)], _NOTE)
