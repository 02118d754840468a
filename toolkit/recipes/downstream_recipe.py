"""Observation adding, and what machines make of enhanced or extracted speech: --observations, --downstream."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.slots import TABLE as INTENTS
from toolkit.recipes.audio_recipe import AudioRecipe
from toolkit.recipes.options import LIST, Words, option

_TABLES = {"asr": "text", "ic": INTENTS, "sv": "trials"}  # of a test set, by kind of system


@dataclass
class DownstreamRecipe(AudioRecipe):
    """Base class of these recipes.

    Attributes:
        downstream_kinds: lines ``kind name system`` of --downstream, known when the configs are checked.
    """

    title: ClassVar[str] = "Observation adding, and downstream systems"
    checked_names: ClassVar[tuple[str, ...]] = (*AudioRecipe.checked_names, "downstream_kinds")

    observations: list[str] = option(
        [],
        "also score the output with these shares of the mixture added back: (1 - beta) output + beta mixture",
        Words("0|1|0?[.][0-9]+|1[.]0*", "number from 0 to 1"),
    )
    downstream: list[str] = option(
        [],
        "systems to run on unprocessed, processed and clean speech of the test sets, after stage 8: folders "
        "of experiments or packed.zip of asr (WER; needs text), ic (accuracy; needs utt2intent) and sv (EER; needs "
        'trials); "whisper:medium" (or its file) and "pocketsphinx" need tools/install.sh --extras of this name',
        LIST,
    )

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Name -> kind of each system, which a program finds out, once."""
        if not self.downstream or not self.runs(8):
            return {}
        waiting, self.requests = self.requests, []
        options = ("--fs", str(self.fs), *self.trusted)
        self.later("--downstream: see above", "downstream", *options, "--systems", *self.downstream)
        answer = self.run_checks(".downstream").get("downstream", "")
        self.requests = waiting
        return {name: kind for kind, _, name in (word.partition("=") for word in answer.split())}

    @property
    def downstream_kinds(self) -> str:
        """Lines ``kind name system``."""
        pairs = zip(self.kinds.items(), self.downstream, strict=False)
        return "\n".join(f"{kind} {name} {system}" for (name, kind), system in pairs)

    def check_data(self) -> None:
        """See the base class; mixtures have the tables of their set."""
        super().check_data()
        self._check_tables("data", self.test_sets)

    def check_dump(self) -> None:
        """See the base class."""
        super().check_dump()
        self._check_tables(self.raw, self.all_tests)

    def _check_tables(self, root: str, sets: Iterable[str]) -> None:
        """Raise InputError where a set that is there lacks what a system is scored by."""
        if not self.runs(8) or self.dry_run:
            return
        present = [Path(root, name) for name in sets if Path(root, name).is_dir()]
        for name, kind in self.kinds.items():
            missing = [str(path / _TABLES[kind]) for path in present if not (path / _TABLES[kind]).is_file()]
            if missing:
                raise InputError(f"--downstream: {name}: {some_of(missing)} not found{self._remedy(kind, present)}")
        if "sv" in self.kinds.values():
            self.check_trials(root, [path.name for path in present])

    def _remedy(self, kind: str, folders: list[Path]) -> str:
        if kind != "sv":
            return f"; local/data.sh must write it, a line for each utterance, or leave {kind} out of --downstream"
        for path in folders:
            lines = (path / "utt2spk").read_text(encoding="utf-8").splitlines() if (path / "utt2spk").is_file() else []
            speakers = {line.split()[1] for line in lines if len(line.split()) == 2}
            if len(speakers) < 2:
                return f", and {path}/utt2spk has {counted(len(speakers), 'speaker')}; trials need two or more"
        return f"; draw them: {self.python} -m toolkit.bin.make_trials {' '.join(map(str, folders))}"
