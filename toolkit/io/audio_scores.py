"""Metrics of audio by jobs, and their summaries, done once."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.io.once import Once
from toolkit.io.stage import Remade, Step


@dataclass
class AudioScores:
    """Metrics of ``<audio>/<set>`` in ``<values>/<set>``, by utterance, and their summaries in ``<out_root>/<set>``.

    Sets whose mixtures have the same other talkers are scored together.

    Attributes:
        cmd, nj, dry_run: as of :class:`Step`.
        data_root: folder of the sets with the references.
        audio, values, out_root: folders of the estimates, of the metrics, of the summaries.
        sets: names of the sets.
        program: words of score_audio and further options of it.
        metrics: of score_audio; none: what the options ask for.
        mixtures: folder for the metrics of the mixtures themselves, which all experiments share.
        breakdown: groups of the summaries; auto: gender_pair where the genders of the talkers are known.
        no_interferers: compare with no other talkers of a mixture.
        resamples: bootstrap resamples.
        deps: further files on which the metrics depend.
    """

    cmd: str
    nj: int
    data_root: Path
    audio: Path
    values: Path
    out_root: Path
    sets: list[str]
    program: list[str]
    metrics: list[str] = field(default_factory=list)
    mixtures: Path | None = None
    breakdown: list[str] = field(default_factory=list)
    no_interferers: bool = False
    resamples: int = 1000
    deps: list[str] = field(default_factory=list)
    dry_run: bool = False

    def run(self) -> None:
        """Score what is not scored yet. Raises InputError, SystemExit, as its steps."""
        remade = Remade()
        folders = [self.data_root / name for name in self.sets]
        if self.no_interferers:
            self._run_group((), self.sets)
        elif self.dry_run and any(not path.is_dir() or path in remade for path in folders):
            print(f"    scores of {self.audio.name}: to do, of {' '.join(self.sets)}", flush=True)
        else:
            groups: dict[tuple[str, ...], list[str]] = {}
            for name in self.sets:
                groups.setdefault(self._interferers(name), []).append(name)
            for streams, sets in sorted(groups.items()):
                self._run_group(streams, sets)

    def _interferers(self, name: str) -> tuple[str, ...]:
        """The streams of a set's other talkers: spk2, ..."""
        streams = {path.stem for path in (self.data_root / name).glob("spk[0-9]*.scp")} - {"spk1"}
        return tuple(sorted(streams, key=lambda stream: (len(stream), stream)))

    def _run_group(self, streams: tuple[str, ...], sets: list[str]) -> None:
        references = [str(mark) for name in sets for mark in sorted((self.data_root / name).glob(".done.*"))]
        options = ["--interferer", *streams] if streams else []
        base, metrics = self.program[:3], " ".join(self.metrics)
        root = str(self.data_root)
        if self.mixtures is not None:
            words = [*base, "--metrics", metrics, "--ref_root", root]
            self._step(self.data_root, self.mixtures, sets, words, references)
            options = ["--input_scored", *options]
        words = [*base, "--metrics", metrics or "similarity", "--ref_root", root, "--input", "wav"]
        self._step(self.audio, self.values, sets, [*words, *options, *self.program[3:]], [*references, *self.deps])
        if not self.dry_run:
            self._summarise(sets, self._groups(streams, sets))

    def _step(self, in_root: Path, out_root: Path, sets: list[str], program: list[str], deps: list[str]) -> None:
        Step("score", self.cmd, self.nj, in_root, out_root, sets, program, deps=deps, dry_run=self.dry_run).run()

    def _groups(self, streams: tuple[str, ...], sets: list[str]) -> list[str]:
        """--breakdown of these sets; alone, a talker makes no pair."""
        if self.breakdown == ["auto"]:
            known = all((self.data_root / name / "spk2gender").is_file() for name in sets)
            return ["gender_pair"] if streams and known else []
        return [word for word in self.breakdown if streams or word != "gender_pair"]

    def _summarise(self, sets: list[str], groups: list[str]) -> None:
        words = ["--in_root", str(self.values), "--data_root", str(self.data_root), "--out_root", str(self.out_root)]
        scored = [root for root in (self.mixtures, self.values) if root is not None]
        words += ["--input_root", str(self.mixtures)] if self.mixtures is not None else []
        words += ["--sets", *sets, "--resamples", str(self.resamples), *(["--breakdown", *groups] if groups else [])]
        work = hashlib.sha256(f"{' '.join(sets)}\n".encode()).hexdigest()[:8]
        Once(
            mark=self.out_root / f".done.{work}",
            what=f"summary of {self.out_root}",
            program=[*self.program[:2], "toolkit.bin.summarise_audio", *words],
            deps=[f"{root}/{name}/.done.score" for root in scored for name in sets],
            outputs=[f"{self.out_root}/{name}" for name in sets],
        ).run()
