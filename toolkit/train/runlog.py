"""The log of a training: lines on the screen, records in metrics.jsonl, curves in TensorBoard and in trackers."""

import json
import logging
import secrets
import time
from collections.abc import Sequence
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING

from humanfriendly import format_timespan

from toolkit.io.atomic import replacing
from toolkit.io.errors import counted
from toolkit.report.verdict import FEW_STEPS
from toolkit.train.trackers import Tracker

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def read_records(path: Path) -> list[dict]:
    """The records of ``metrics.jsonl``, without damaged lines (a killed run can leave one)."""
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        try:
            record = json.loads(line)
            int(record["step"] + record["epoch"])
            records.append(record)
        except (ValueError, KeyError, TypeError):
            continue
    return records


def last_epoch(expdir: Path) -> int:
    """The last epoch in the run log of an experiment; 0 if there is none."""
    return max((record["epoch"] for record in read_records(expdir / "metrics.jsonl")), default=0)


class RunLog:
    """Records of a run. After a resume, records later than the checkpoint are dropped, so none occurs twice.

    Args:
        expdir: the experiment's folder.
        enabled: False for processes that do not write.
        trackers: names of trackers that get the records, too; see toolkit.train.trackers.
        project: their project.
    """

    def __init__(self, expdir, enabled: bool = True, trackers: Sequence[str] = (), project: str = "voxsift"):
        self.path, self.enabled = Path(expdir) / "metrics.jsonl", enabled
        self._board: SummaryWriter | None = None
        self._purge_step: int | None = None
        self._names, self._project = trackers, project
        self._trackers: list[Tracker] = []
        self._sent: dict[str, int] = {}  # kind -> the last step that trackers have
        if enabled:
            self.path.parent.mkdir(parents=True, exist_ok=True)

    def rewind(self, step: int) -> None:
        """Drop the records after ``step``, also from the curves; 0: drop all. Starts the trackers.

        Trackers keep what they have: a resumed training repeats the values of those steps, which are not sent again.
        """
        if not self.enabled:
            return
        self._purge_step = step + 1
        self._sent = {record.get("kind", ""): record["step"] for record in read_records(self.path) if step}
        if self.path.exists():
            records = read_records(self.path)
            if (damaged := len(self.path.read_bytes().splitlines()) - len(records)) > 1:  # a kill damages at most one
                logging.warning("%s: dropped %d damaged lines, which are missing in the curves", self.path, damaged)
            with replacing(self.path) as handle:
                handle.writelines(json.dumps(r) + "\n" for r in records if r["step"] <= step)
        if step == 0:
            for events in self.path.parent.glob("tensorboard/events.*"):
                events.unlink()
        identity = self.path.parent / "trackers.id"  # of the runs of this training
        if self._names and (step == 0 or not identity.is_file()):
            with replacing(identity) as handle:
                handle.write(secrets.token_hex(4))
        self._trackers = [
            Tracker(name, self._project, self.path.parent, identity.read_text().strip()) for name in self._names
        ]

    def record(self, kind: str, **values) -> None:
        """Append a record (``kind``: ``train`` or ``valid``; values hold ``step`` and ``epoch``) and its curves."""
        if not self.enabled:
            return
        with open(self.path, "a") as handle:
            handle.write(json.dumps({"kind": kind, **values}) + "\n")
        if self._board is None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(self.path.parent / "tensorboard", purge_step=self._purge_step)
        for name, value in values.items():
            if isinstance(value, float):
                self._board.add_scalar(f"{kind}/{name}", value, values["step"])
        if values["step"] > self._sent.get(kind, -1):
            numbers = {name: value for name, value in values.items() if isinstance(value, float) or name == "epoch"}
            for tracker in self._trackers:
                tracker.log(kind, numbers, values["step"])

    def close(self) -> None:
        """Flush the curves."""
        if self._board is not None:
            self._board.close()
        for tracker in self._trackers:
            tracker.close()


class Meter:
    """Means of an interval, its speed, and the share of its time spent waiting for data."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Start a new interval."""
        self.values: dict[str, list[float]] = {}
        self.utterances = 0
        self.waited = 0.0
        self.began = time.perf_counter()

    def add(self, stats: dict[str, float], utterances: int, waited: float) -> None:
        """Add the values of a step, its number of utterances, and the waiting time for data in seconds."""
        for name, value in stats.items():
            self.values.setdefault(name, []).append(value)
        self.utterances += utterances
        self.waited += waited

    def means(self) -> dict[str, float]:
        """Mean of each value over the steps with it, ``utterances_per_second``, ``data_wait`` (share of time)."""
        seconds = max(time.perf_counter() - self.began, 1e-9)
        means = {name: fsum(values) / len(values) for name, values in self.values.items()}
        return means | {"utterances_per_second": self.utterances / seconds, "data_wait": self.waited / seconds}


def log_interval(per_epoch: int, epochs: int, warn: bool = False) -> int:
    """Log the number of steps of a training, with ``warn`` a warning if it is small; returns the number."""
    steps = per_epoch * epochs
    text = f"{steps} steps in total: {counted(epochs, 'epoch')} of {per_epoch} batches"
    if warn and steps < FEW_STEPS:
        logging.warning(
            "%s. Fewer than %d are rarely enough; set batches.init_args.min_batches, lower "
            "batches.init_args.batch_size, or raise trainer.epochs",
            *(text, FEW_STEPS),
        )
    else:
        logging.info(text)
    return steps


def log_progress(epoch: int, epochs: int, step: int, steps: int, means: dict[str, float], seconds_left: float) -> None:
    """Log one line of training: position, metrics, speed, time left."""
    speed, wait = means["utterances_per_second"], means["data_wait"]
    rest = [f"{k} {v:.4g}" for k, v in means.items() if k not in ("utterances_per_second", "data_wait")]
    left = format_timespan(round(seconds_left))
    logging.info(
        "epoch %d/%d step %d/%d: %s | %.1f utt/s, data wait %.0f %% | %s left",
        *(epoch, epochs, step, steps, ", ".join(rest), speed, 100 * wait, left),
    )
