"""The trainer of all tasks, for one or many processes. Resuming is exact: N epochs == k + (N - k)."""

import logging
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit.data.collate import load_batches
from toolkit.data.item import ItemSpec
from toolkit.data.lazy_batches import fill, shares, smallest
from toolkit.io.errors import InputError, brief
from toolkit.train.checkpoint import Checkpoints, check_resumable
from toolkit.train.interrupt import StopSignal
from toolkit.train.runlog import Meter, RunLog, log_interval, log_progress
from toolkit.train.schedule import Schedule
from toolkit.train.step_times import StepTimes
from toolkit.train.trackers import check_trackers

_MAX_BAD_STEPS = 10
_AGREE_STEPS = 10  # several processes agree this often on whether to stop


class Trainer:
    """The training loop, with logs, checkpoints and exact resuming, also within an epoch.

    Args:
        epochs: number of epochs.
        precision: ``no`` (float32), ``bf16`` or ``fp16`` autocast.
        clip_norm: maximum L2 norm of the gradient; 0: no clipping.
        workers: number of data processes per training process, at most the number of CPUs; 0: load in the main process.
        keep_best: number of best models to keep and to average at the end.
        log_seconds: time between log lines in seconds.
        checkpoint_minutes: time between checkpoints within an epoch; Ctrl-C, SIGTERM and SIGUSR1 write one too.
        threads: number of CPU threads of the model; 0: torch's default.
        trackers: also log to these: ``wandb``, ``trackio`` (tools/install.sh --extras wandb).
        project: project of the trackers.
        profile: after each epoch, log which part of the steps takes how much of their time, and what to try.
    """

    def __init__(
        self,
        epochs: int = 30,
        precision: str = "no",
        clip_norm: float = 5.0,
        workers: int = 1,
        keep_best: int = 3,
        log_seconds: float = 10.0,
        checkpoint_minutes: float = 10.0,
        threads: int = 0,
        trackers: tuple[str, ...] = (),
        project: str = "voxsift",
        profile: bool = False,
    ):
        check_trackers(trackers)
        if precision not in ("no", "bf16", "fp16"):
            raise ValueError(f"precision is {precision!r}; must be no, bf16 or fp16")
        least = {"clip_norm": clip_norm, "log_seconds": log_seconds, "checkpoint_minutes": checkpoint_minutes}
        least |= {"epochs": epochs - 1, "keep_best": keep_best - 1, "workers": workers, "threads": threads}
        if odd := [name for name, value in least.items() if value < 0]:
            raise ValueError(f"{odd[0]} must be at least {int(odd[0] in ('epochs', 'keep_best'))}")
        if threads > 1024:
            raise ValueError(f"threads {threads} must be at most 1024")
        self.epochs, self.precision, self.clip_norm = epochs, precision, clip_norm
        self.workers = min(workers, os.cpu_count() or 1)
        self.keep_best, self.log_seconds, self.checkpoint_seconds = keep_best, log_seconds, 60 * checkpoint_minutes
        self.threads, self.profile, self.trackers, self.project = threads, profile, trackers, project
        self.last_validation: dict[str, float] | None = None  # None until an epoch was validated

    def fit(self, task, optimizer: torch.optim.Optimizer, schedule: Schedule, expdir, seed: int) -> Path | None:
        """Train, or resume the training in ``expdir``; returns the path of the averaged model.

        Only the main process writes the averaged model; the others return None.
        """
        from accelerate import Accelerator

        if self.threads:
            torch.set_num_threads(self.threads)
        self.accelerator = Accelerator(mixed_precision=self.precision, cpu=not torch.cuda.is_available())
        self.task, self.schedule, self.seed = task, schedule, seed
        wait = torch.cuda.synchronize if self.accelerator.device.type == "cuda" else lambda: None
        self.times = StepTimes(self.profile, wait)
        self.base_rates = [group["lr"] for group in optimizer.param_groups]
        self.wrapped, self.optimizer = self.accelerator.prepare(task, optimizer)
        metric, goal = task.metric
        self.checkpoints = Checkpoints(expdir, metric, goal, self.keep_best)
        self.log = RunLog(expdir, self.accelerator.is_main_process, self.trackers, self.project)
        with StopSignal() as self.stop:
            epoch, done = self._resume()
            if self.accelerator.is_main_process:
                log_interval(len(self._share(1)), self.epochs)
            while epoch <= self.epochs:
                self._train_epoch(epoch, done)
                self._validate(epoch)
                epoch, done = epoch + 1, 0
                self._save(epoch, 0)
                self._stop_if(self._agreed(due=False)[0])
        self.log.close()
        if self.accelerator.is_main_process:
            self._keep_epochs(self.epochs + 1, 0)
        path = self.checkpoints.average() if self.accelerator.is_main_process else None
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return path

    def _resume(self) -> tuple[int, int]:
        """Load the last checkpoint; (epoch to train, batches of it already done)."""
        torch.manual_seed(self.seed + self.accelerator.process_index)
        self.step, self.trained_seconds, self.bad_steps = 0, 0.0, 0
        state = self.checkpoints.load_last()
        if state is None:
            self.log.rewind(0)
            return 1, 0
        where = self.checkpoints.expdir / "checkpoint"
        try:
            check_resumable(state, self.checkpoints.expdir, self.epochs, self.task.classes)
            self._restore(state)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(
                f"{where}: the checkpoint does not fit this network and its classes ({brief(error)}); "
                "restore the right one, or train in another folder (in a recipe: choose another tag)"
            ) from None
        epoch, batch = state["epoch"], state["batch"]
        if self.accelerator.is_main_process:
            self._keep_epochs(epoch, batch)
        self.log.rewind(self.step)
        logging.info("resuming at epoch %d, batch %d", epoch, batch + 1)
        return epoch, batch

    def _restore(self, state: dict) -> None:
        """Restore everything from a checkpoint."""
        self.task.load_state_dict(state["task"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"] and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        rng = state["rng"]
        if self.accelerator.process_index < len(rng):
            torch.set_rng_state(rng[self.accelerator.process_index].clone())  # of a view torch reads the wrong bytes
        if torch.cuda.is_available() and state.get("cuda_rng") is not None and self.accelerator.num_processes == 1:
            torch.cuda.set_rng_state(state["cuda_rng"])
        self.step, self.trained_seconds = state["step"], state["trained_seconds"]

    def _keep_epochs(self, epoch: int, batch: int) -> None:
        """Drop epochs with lost weights, except the last, which the checkpoint still has."""
        checkpoints = self.checkpoints
        if (checkpoints.expdir / f"epoch{epoch}.pth").exists():
            return  # killed after validation, which is repeated and may have removed one of the best
        lost = checkpoints.forget_lost(self._deployed())
        if batch == 0 and checkpoints.values and (epoch - 1 in lost or not checkpoints.best):
            checkpoints.add(epoch - 1, checkpoints.sign * checkpoints.values[-1], self._deployed())
            lost = [other for other in lost if other != epoch - 1]
        for other in lost:
            logging.warning("%s/epoch%d.pth: is missing or damaged; the average excludes it", checkpoints.expdir, other)

    def _deployed(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().cpu() for name, value in self.task.deployed().state_dict().items()}

    def _save(self, epoch: int, batch: int) -> None:
        """Write the resumable state; the next batch is ``batch`` (from 0) of ``epoch``."""
        rng = torch.get_rng_state()
        if self.accelerator.num_processes > 1:
            device = self.accelerator.device
            rng = self.accelerator.gather(rng.to(device)[None]).cpu()
        else:
            rng = rng[None]
        if self.accelerator.is_main_process:
            state = {
                "task": self.task.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.accelerator.scaler.state_dict() if self.accelerator.scaler else None,
                "rng": list(rng),
                "cuda_rng": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
                "epoch": epoch,
                "batch": batch,
                "classes": self.task.classes,
                "step": self.step,
                "trained_seconds": self.trained_seconds,
            }
            self.checkpoints.save_last(state)
        self.accelerator.wait_for_everyone()

    def _share(self, epoch: int) -> Sequence[list[ItemSpec]]:
        """This process's part of every batch of an epoch."""
        batches = self.task.batches(self.seed, epoch)
        if not batches:
            raise InputError("no training batches; the training set is smaller than a batch")
        rank, world, per_speaker = self.accelerator.process_index, self.accelerator.num_processes, self.task.per_speaker
        least = -(-self._least // per_speaker) * per_speaker * world
        if smallest(batches) < least:
            batches = fill(batches, least, per_speaker, self.task.dataset.seconds)
        return shares(batches, rank, world, per_speaker) if world > 1 else batches

    @property
    def _least(self) -> int:
        """Minimum number of items per process: batch normalisation needs two."""
        return 1 + any(isinstance(module, _BatchNorm) for module in self.task.modules())

    def _train_epoch(self, epoch: int, done: int) -> None:
        """Train on the batches of an epoch, from batch ``done`` on."""
        self.wrapped.train()
        batches = self._share(epoch)
        meter, began = Meter(), time.perf_counter()
        last_log = last_save = waiting = began
        pin = self.accelerator.device.type == "cuda"
        for number, batch in enumerate(load_batches(self.task.dataset, batches[done:], self.workers, pin), done + 1):
            waited = time.perf_counter() - waiting
            self.times.add("data", waited)
            rate = self._set_rate(epoch - 1 + (number - 1) / len(batches))
            stats = self._step(batch)
            meter.add(stats, len(batch["ids"]) * self.accelerator.num_processes, waited)
            now = time.perf_counter()
            self.trained_seconds += now - waiting
            if now - last_log > self.log_seconds or number == len(batches):
                self._report(epoch, number, len(batches), meter, rate, (now - began) / (number - done))
                last_log = now
            if self.accelerator.num_processes == 1 or number % _AGREE_STEPS == 0 or number == len(batches):
                stop, due = self._agreed(now - last_save > self.checkpoint_seconds)
                if stop or due or number == len(batches):
                    with self.times.part("checkpoint"):
                        self._save(epoch, number)
                    last_save = time.perf_counter()
                self._stop_if(stop)
            waiting = time.perf_counter()
        self.times.log(epoch)

    def _agreed(self, due: bool) -> tuple[bool, bool]:
        """Whether a signal has arrived, and whether a checkpoint is due, in any process: clocks and signals differ."""
        if self.accelerator.num_processes == 1:
            return self.stop.received is not None, due
        flags = torch.tensor([float(self.stop.received is not None), float(due)], device=self.accelerator.device)
        stop, due = (self.accelerator.reduce(flags, "sum") > 0).tolist()
        return stop, due

    def _stop_if(self, stop: bool) -> None:
        """End the program if a signal has arrived. Called right after a checkpoint."""
        if stop:
            logging.warning("wrote a checkpoint; run the same command to continue")
            self.log.close()
            self.stop.end()

    def _set_rate(self, position: float) -> float:
        """Set the learning rate for a position in epochs; returns that of the first group."""
        factor = self.schedule.factor_after(self.checkpoints.values, position, self.epochs)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        return self.optimizer.param_groups[0]["lr"]

    def _step(self, batch: dict) -> dict[str, float]:
        """One update. Skips a step with a gradient that is not finite; too many of them end the run."""
        device = self.accelerator.device
        batch = {k: v.to(device, non_blocking=True) if torch.is_tensor(v) else v for k, v in batch.items()}
        with self.times.part("forward"), self.accelerator.autocast():
            loss, stats = self.wrapped(batch)
        with self.times.part("backward"):
            self.accelerator.backward(loss)
            norm = self.accelerator.clip_grad_norm_(self.wrapped.parameters(), self.clip_norm or math.inf)
            norm, value = float(norm), float(loss.detach())
        self.bad_steps = 0 if math.isfinite(norm) else self.bad_steps + 1
        if math.isfinite(norm) or self.precision == "fp16":  # the fp16 scaler skips such steps
            with self.times.part("update"):
                self.optimizer.step()
        else:
            logging.warning(
                "step %d: skipped, gradient is not finite (loss %g): %s", self.step, value, batch["ids"][:4]
            )
        if self.bad_steps > _MAX_BAD_STEPS and (self.precision != "fp16" or not math.isfinite(value)):
            raise InputError(
                f"{self.bad_steps} consecutive steps had no finite gradient (loss {value:g}); lower "
                "optimizer.init_args.lr, set trainer.precision to no, or check the utterances named above"
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return {"loss": value, **stats, "grad_norm": norm}

    def _report(self, epoch: int, number: int, total: int, meter: Meter, rate: float, seconds: float) -> None:
        """Log and record an interval."""
        means = {**meter.means(), "lr": rate}
        left = seconds * (total - number + (self.epochs - epoch) * total)
        if self.accelerator.is_main_process:
            log_progress(epoch, self.epochs, number, total, means, left)
        self.log.record("train", epoch=epoch, step=self.step, **means)
        meter.reset()

    def _validate(self, epoch: int) -> None:
        """Validate on the main process; keep the model if it is among the best."""
        from accelerate.utils import broadcast_object_list

        if self.accelerator.is_main_process:
            self.wrapped.eval()
            self.last_validation = values = self.task.validate()
            numbers = ", ".join(f"{k} {v:.4g}" for k, v in values.items())
            logging.info("epoch %d/%d valid: %s", epoch, self.epochs, numbers)
            self.log.record("valid", epoch=epoch, step=self.step, **values)
            self.checkpoints.add(epoch, values[self.task.metric[0]], self._deployed())
        # All processes need the values to set the rate; the others wait for them here.
        [self.checkpoints.values] = broadcast_object_list([self.checkpoints.values])
