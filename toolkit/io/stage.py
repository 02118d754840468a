"""The work of a stage on sets: split into jobs, run, merged, and not repeated.

A file ``.done...`` holds the signature (``toolkit.io.signatures``) of finished work. A dry run prints what would be
done; it lists folders that would be made again in ``$VOXSIFT_REMADE``, for its later steps.
"""

import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.io.errors import InputError, counted
from toolkit.io.signatures import done_before, signature
from toolkit.io.submit import log_line, print_notes, print_warnings, submit


class Remade:
    """Folders in which this dry run would make something again; empty in other runs."""

    def __init__(self) -> None:
        self._path = os.environ.get("VOXSIFT_REMADE")
        known = Path(self._path).read_text().splitlines() if self._path and Path(self._path).is_file() else []
        self._folders = set(known)

    def __contains__(self, path) -> bool:
        return any(str(part) in self._folders for part in (Path(path), *Path(path).parents))

    def add(self, path) -> None:
        """Add a folder, also for the later steps."""
        self._folders.add(str(path))
        if self._path:
            with open(self._path, "a") as handle:
                handle.write(f"{path}\n")


@contextmanager
def writing(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of the step ``name`` in a folder; other runs wait.

    Jobs inherit the lock, so it is held until the last job has ended, even if this process is killed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f".lock.{name}", "a") as handle:
        os.set_inheritable(handle.fileno(), True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log_line(f"waiting: {folder}: another run does {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without locks
            print(f"warning: {folder}: cannot be locked; do not start a second run there", file=sys.stderr)
        yield


def quoted(text: str) -> str:
    """The text quoted as by bash's ``printf %q``."""
    return re.sub(r"([^\w@%+=:./~#-])", r"\\\1", text, flags=re.ASCII)


@dataclass
class Step:
    """A program that jobs run on parts of the work list of some sets (``toolkit.io.jobs``).

    Attributes:
        name: name of the step, for logs and marks.
        cmd: run.pl or slurm.pl, with options.
        nj: number of jobs that run at a time.
        in_root, out_root: folders of the input and output sets.
        sets: names of the sets.
        program: words of the command; ``--in_root --out_root --work --job`` are added.
        stems: ark names of the outputs.
        allow_bad: number of bad ids of a set that the jobs may leave out.
        deps: files, besides the input sets, on which the outputs depend.
        job_size: maximum number of ids of a job.
        dry_run: print only.
    """

    name: str
    cmd: str
    nj: int
    in_root: Path
    out_root: Path
    sets: list[str]
    program: list[str]
    stems: list[str] = field(default_factory=lambda: ["wav"])
    allow_bad: int = 0
    deps: list[str] = field(default_factory=list)
    job_size: int = 2000
    dry_run: bool = False

    def run(self) -> None:
        """Do the work that is not done yet.

        Raises:
            InputError: an input set is missing, a job failed, or the ids of outputs and inputs differ.
        """
        with nullcontext() if self.dry_run else writing(self.out_root, self.name):
            remade = Remade()
            signed = {name: self._signature(name, remade) for name in self.sets}
            todo = {name: sig for name, sig in signed.items() if not self._is_done(name, sig)}
            if not todo:
                log_line(f"{self.name}: all done before: {' '.join(self.sets)}")
            elif self.dry_run:
                self._print_work(list(todo), remade)
            else:
                self._work(todo)

    def _signature(self, name: str, remade: Remade) -> str:
        """Signature of a set; empty in a dry run in which an earlier step would make the set or a dependency."""
        folder = self.in_root / name
        if folder.is_dir() and not any(path in remade for path in (folder, *self.deps)):
            # allow_bad does not change the content of a set.
            words = " ".join([*self.program, str(self.in_root), str(self.out_root)])
            return signature(folder, quoted(words.replace(f" --allow_bad {self.allow_bad}", "", 1)), self.deps)
        if self.dry_run:
            return ""
        maker = "run the stage before, or local/data.sh (--local_data_opts)"
        raise InputError(f"{folder}: data dir not found; {maker}")

    def _mark(self, name: str) -> Path:
        return self.out_root / name / f".done.{self.name}"

    def _is_done(self, name: str, signed: str) -> bool:
        dropped = self.out_root / name / "dropped"
        left_out = dropped.read_bytes().count(b"\n") if dropped.is_file() else 0
        return done_before(self._mark(name), signed) and left_out <= self.allow_bad

    def _shares(self, total: int) -> tuple[int, str]:
        """Number of jobs, and the command of the engine that runs ``nj`` at a time."""
        nj = max(1, min(self.nj, total))
        jobs = min(total, nj * -(-total // (nj * self.job_size)))
        return jobs, f"{self.cmd} --max-jobs-run {nj}" if jobs > nj else self.cmd

    def _print_work(self, todo: list[str], remade: Remade) -> None:
        """Print what would be done."""
        if done := [name for name in self.sets if name not in todo]:
            print(f"    {self.name} -> {self.out_root}: done before: {' '.join(done)}")
        tables = {name: self.in_root / name / "utt2spk" for name in todo}
        total = sum(path.read_bytes().count(b"\n") for path in tables.values() if path.is_file())
        unknown = [name for name, path in tables.items() if not path.is_file()]
        later = f"{counted(len(unknown), 'set')} not made yet" if unknown else ""
        size = "; ".join(part for part in (counted(total, "id") if total or not unknown else "", later) if part)
        print(f"    {self.name} -> {self.out_root}: to do: {' '.join(todo)} ({size})", flush=True)
        for name in todo:
            remade.add(self.out_root / name)
        jobs, cmd = self._shares(total or self.nj)
        log = f"{self.out_root}/logs/{self.name}/{self.name}.JOB.log"
        submit(cmd, self.out_root, [f"JOB=1:{jobs}", log, "true"], dry_run=True)

    def _work(self, todo: dict[str, str]) -> None:
        # Remove the old tables first: if this run fails, they must not point into new arks.
        for name in todo:
            for path in (self._mark(name), *(self.out_root / name).glob("*.scp")):
                path.unlink(missing_ok=True)
        logs = self._log_folder(todo)
        jobs, cmd = self._write_work(logs, list(todo))
        arguments = ["--in_root", str(self.in_root), "--out_root", str(self.out_root)]
        arguments += ["--work", f"{logs}/work.JOB", "--job", "JOB"]
        words = [f"JOB=1:{jobs}", f"{logs}/{self.name}.JOB.log", "utils/run_once.sh", f"{logs}/done.JOB"]
        submit(cmd, logs, [*words, *self.program, *arguments])
        self._merge(todo, jobs)
        job_logs = [logs / f"{self.name}.{job}.log" for job in range(1, jobs + 1)]
        print_notes(job_logs)
        print_warnings(job_logs)
        for name, signed in todo.items():
            self._mark(name).write_text(f"{signed}\n")
            shutil.rmtree(self.out_root / name / ".jobs", ignore_errors=True)
        for path in logs.glob("done.*"):
            path.unlink()

    def _log_folder(self, todo: dict[str, str]) -> Path:
        """The log folder, named after the work, so that the same command continues there."""
        work = "".join(f" {name}={signed}" for name, signed in todo.items())
        logs = self.out_root / "logs" / f"{self.name}.{hashlib.sha256(f'{work} {self.nj}'.encode()).hexdigest()[:8]}"
        logs.mkdir(parents=True, exist_ok=True)
        # This run overwrites the arks of an interrupted run of another command; forget its finished jobs.
        for path in logs.parent.glob(f"{self.name}.*/done.*"):
            if path.parent != logs:
                path.unlink(missing_ok=True)
        return logs

    def _write_work(self, logs: Path, sets: list[str]) -> tuple[int, str]:
        """Write the work list and the jobs' contiguous parts of it, ``work.1`` and so on; returns :meth:`_shares`."""
        from toolkit.io.jobs import write_work

        total = write_work(logs / "work", self.in_root, sets)
        if not total:
            raise InputError(f"{self.in_root}: {' '.join(sets)}: no ids; run the stage before")
        jobs, cmd = self._shares(total)
        with open(logs / "work", newline="\n") as handle:
            lines = list(handle)
        ends = [(2 * total * job + jobs) // (2 * jobs) for job in range(jobs + 1)]
        for job in range(1, jobs + 1):
            (logs / f"work.{job}").write_text("".join(lines[ends[job - 1] : ends[job]]), newline="\n")
        at_a_time = f", {min(self.nj, total)} at a time" if cmd != self.cmd else ""
        work = f"{counted(total, 'id')} of {' '.join(sets)} in {counted(jobs, 'job')}{at_a_time}"
        log_line(f"{self.name}: {work}, logs in {logs}")
        return jobs, cmd

    def _merge(self, todo: dict[str, str], jobs: int) -> None:
        from toolkit.io.datadir import read_table
        from toolkit.io.jobs import merge

        for name in todo:
            count = merge(self.in_root, self.out_root, name, jobs, self.stems, self.allow_bad)
            dropped = self.out_root / name / "dropped"
            if dropped.is_file():
                print(f"{dropped.parent}: {count} ids, {len(read_table(dropped))} left out (see {dropped})", flush=True)
