"""Collect the results of a recognition experiment for its tables."""

from toolkit.metrics.recognition.registry import METRICS
from toolkit.report.collection import METRIC, collect_scores, set_shape
from toolkit.report.recognition.utterance_errors import KINDS
from toolkit.report.summaries import Experiment

_METRIC = {**METRIC, "counts": dict.fromkeys((*KINDS, "length"), int)}
_SET = set_shape(("n_utterances",), dict.fromkeys(METRICS, _METRIC))


def collect_text(expdir) -> list[Experiment]:
    """Collect an experiment: its main scores, then those of each variant (``scores_<variant>``), by score_text.

    Raises:
        InputError: there are no main scores, or a file is malformed.
    """
    return list(collect_scores(expdir, "result.json", _SET).values())
