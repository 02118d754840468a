"""A program that runs only if its inputs or outputs have changed."""

import hashlib
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.signatures import done_before, named, signature, sources_of, state
from toolkit.io.stage import Remade
from toolkit.io.submit import log_line, print_warnings, submit


@dataclass
class Once:
    """A program that is skipped if its inputs and outputs are unchanged since its last run.

    Attributes:
        mark: file with the signature of the inputs and the state of the outputs.
        what: name for messages.
        program: words of the command.
        sets: data dirs that it reads.
        deps: files that it reads.
        code: packages of the toolkit on whose source the outputs depend, e.g. ``toolkit.report``.
        outputs: files and folders that must be unchanged; for a config also the files that it names.
        cmd, log: engine and log of a job; without a log the program runs directly.
        job_options: further options of the engine, names and values.
        keep_log: keep the log of an earlier run as ``<name>.<n>.log``.
        dry_run: print only.
    """

    mark: Path
    what: str
    program: list[str]
    sets: list[str] = field(default_factory=list)
    deps: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    cmd: str = ""
    log: Path | None = None
    job_options: Sequence[tuple[str, str]] = ()
    keep_log: bool = False
    dry_run: bool = False

    def run(self) -> None:
        """Run the program unless it is done. Raises InputError, or SystemExit, if it fails."""
        remade = Remade()
        known = all(Path(path).exists() and path not in remade for path in (*self.sets, *self.deps))
        signed = self._signature() if known or not self.dry_run else ""
        if done_before(self.mark, signed) and self.mark.read_text(errors="replace").splitlines()[1:] == [self._state()]:
            log_line(f"{self.what}: done before")
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
            print_warnings([self.log], most=20)

    def _signature(self) -> str:
        """Signature of the command, the sets, the files and the code."""
        words, files = shlex.join(self.program), [*self.deps, *sources_of(self.code)]
        parts = [signature(folder, words, files) for folder in self.sets or [f"{self.mark}.none"]]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    def _state(self) -> str:
        """State of the outputs, and of files and systems that a config among them names."""
        configs = [Path(path) for path in self.outputs if path.endswith(".yaml") and Path(path).is_file()]
        return state([*self.outputs, *named(path.read_text(errors="replace") for path in configs)])
