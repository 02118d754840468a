"""A program that is run once for the same inputs and outputs."""

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.signatures import done_before, named, signature, state
from toolkit.io.stage import Remade
from toolkit.io.submit import say, say_warnings, submit


@dataclass
class Once:
    """A program that runs unless its inputs and its outputs are as after its last run.

    Attributes:
        mark: file that keeps the signature of the inputs and the state of the outputs.
        what: name for messages.
        program: its words.
        sets: data dirs that it reads.
        deps: files that it reads.
        outputs: files and folders that must be as it left them; of a config among them, what it names as well.
        cmd, log: the engine and the log, where it is a job; without, it runs here.
        job_options: further options of the engine, names and values.
        keep_log: keep the log of an earlier run as ``<name>.<n>.log``.
        dry_run: print only.
    """

    mark: Path
    what: str
    program: list[str]
    sets: list[str] = field(default_factory=list)
    deps: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    cmd: str = ""
    log: Path | None = None
    job_options: Sequence[tuple[str, str]] = ()
    keep_log: bool = False
    dry_run: bool = False

    def run(self) -> None:
        """Run it unless it is done. Raises InputError, or SystemExit, where it fails."""
        remade = Remade()
        known = all(Path(path).exists() and path not in remade for path in (*self.sets, *self.deps))
        signed = self._signature() if known or not self.dry_run else ""
        if done_before(self.mark, signed) and self.mark.read_text().splitlines()[1:] == [self._state()]:
            say(f"{self.what}: done before")
        elif self.dry_run:
            if self.what:
                print(f"    {self.what}: to do", flush=True)
            remade.add(self.mark.parent)
            if self.log is not None:
                self._submit()
        else:
            self.mark.parent.mkdir(parents=True, exist_ok=True)
            self.mark.unlink(missing_ok=True)
            if self.log is not None:
                self._submit()
            elif status := subprocess.run(self.program, stdin=subprocess.DEVNULL).returncode:
                raise SystemExit(status)
            with replacing(self.mark) as handle:
                handle.write(f"{signed}\n{self._state()}\n")

    def _submit(self) -> None:
        assert self.log is not None
        if self.keep_log and self.log.is_file() and not self.dry_run:
            kept = len([*self.log.parent.glob(f"{self.log.stem}.*.log")])
            self.log.rename(self.log.with_suffix(f".{kept}.log"))
        options = [word for name, value in self.job_options for word in (f"--{name}", value)]
        submit(self.cmd, self.log.parent, [*options, str(self.log), *self.program], self.dry_run)
        if not self.dry_run:
            say_warnings([self.log], most=20)

    def _signature(self) -> str:
        """Of the words, the sets and the files."""
        words = shlex.join(self.program)
        parts = [signature(folder, words, self.deps) for folder in self.sets or [f"{self.mark}.none"]]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    def _state(self) -> str:
        """Of the outputs, and of files and systems that a config among them names."""
        configs = [Path(path) for path in self.outputs if path.endswith(".yaml") and Path(path).is_file()]
        return state([*self.outputs, *named(path.read_text() for path in configs)])
