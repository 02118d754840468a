"""Score trial lists by jobs; finished lists are not scored again."""

import shlex
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from toolkit.io.errors import InputError, counted
from toolkit.io.signatures import done_before, signature
from toolkit.io.stage import Remade, quoted, writing
from toolkit.io.submit import log_line, print_warnings, submit


@dataclass
class TrialLists:
    """Scores trial lists, one job each: ``<data_root>/<set>/trials<_x>`` into ``<out_root>/<set><_x>``.

    Attributes:
        cmd, nj, dry_run: as of :class:`Step`.
        data_root: folder of the sets with trials.
        vectors: folder with ``<set>/embedding.scp`` and its mark of completion.
        out_root: folder of the scores.
        sets: names of the sets; a set may have several lists.
        program: words of the command score_trials, with scoring options.
        deps: further files on which the scores depend.
        logs: folder of the logs.
    """

    cmd: str
    nj: int
    data_root: Path
    vectors: Path
    out_root: Path
    sets: list[str]
    program: list[str]
    deps: list[str]
    logs: Path
    dry_run: bool = False

    def run(self) -> None:
        """Score the lists that have no current scores. Raises InputError as :class:`Step`."""
        with nullcontext() if self.dry_run else writing(self.out_root.parent, self.out_root.name):
            remade, lists = Remade(), [name for dataset in self.sets for name in self._lists_of(dataset)]
            signed = {name: self._signature(name, remade) for name in lists}
            todo = {name: sig for name, sig in signed.items() if not done_before(self._out(name) / ".done", sig)}
            if not todo:
                log_line(f"scoring: all done before: {' '.join(self.sets)}")
                return
            if self.dry_run:
                share = f"{len(todo)} of {counted(len(lists), 'list')}"
                print(f"    scoring: to do: {share} into {self.out_root}", flush=True)
                for name in todo:
                    remade.add(self._out(name))
            else:
                log_line(f"scoring: {counted(len(todo), 'list')} into {self.out_root}, logs in {self.logs}")
                self._write_commands(todo)
            words = [f"JOB=1:{len(todo)}", f"{self.logs}/score.JOB.log", "utils/run_line.sh", f"{self.logs}/work"]
            submit(f"{self.cmd} --max-jobs-run {self.nj}", self.logs, [*words, "JOB"], self.dry_run)
            if not self.dry_run:
                print_warnings(self.logs / f"score.{job}.log" for job in range(1, len(todo) + 1))

    def _lists_of(self, name: str) -> list[str]:
        """Trial lists of a set: ``trials`` and ``trials_<x>``, as far as they exist."""
        lists = sorted(path.name for path in (self.data_root / name).glob("trials*"))
        return [f"{name}/{path}" for path in lists or ["trials"]]

    def _out(self, name: str) -> Path:
        return self.out_root / name.replace("/trials", "", 1)

    def _files(self, name: str) -> list[str]:
        return [str(self.vectors / name.split("/")[0] / ".done.embed"), *self.deps]

    def _signature(self, name: str, remade: Remade) -> str:
        out, files = self._out(name), self._files(name)
        missing = [path for path in files if not Path(path).is_file()]
        if self.dry_run and (missing or not out.is_dir() or any(path in remade for path in (out, *files))):
            return ""
        if missing:
            raise InputError(f"{Path(missing[0]).parent}: not found or incomplete; run the stage before (--stage 7)")
        words = " ".join([name, *self.program[self.program.index("-m") + 2 :]])
        return signature(self.data_root / name.split("/")[0], quoted(words), files)

    def _write_commands(self, todo: dict[str, str]) -> None:
        """Write the commands of the jobs, one per line; each marks its list as finished."""
        self.logs.mkdir(parents=True, exist_ok=True)
        lines = []
        for name, signed in todo.items():
            out, data = self._out(name), self.data_root / name.split("/")[0]
            out.mkdir(parents=True, exist_ok=True)
            (out / ".done").unlink(missing_ok=True)
            words = [*self.program, "--trials", str(self.data_root / name), "--utt2spk", f"{data}/utt2spk"]
            words += ["--name", out.name, "--data_dir", str(data), "--output", str(out)]
            words += ["--embeddings", str(self.vectors / data.name / "embedding.scp")]
            lines.append(f"{shlex.join(words)} && echo {signed} >{shlex.quote(str(out))}/.done\n")
        (self.logs / "work").write_text("".join(lines))
