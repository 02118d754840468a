"""What recipes on utterances share that are tested without noise, too: transcripts, intents, units of speech."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError, counted
from toolkit.io.text import fields, read_lines
from toolkit.recipes.mixtures import MixtureRecipe, is_planned


@dataclass
class UtteranceRecipe(MixtureRecipe):
    """Base class of these recipes. All rendered sets have the same streams.

    Attributes:
        outputs: folder of the recognised labels in the experiment.
    """

    names: ClassVar[tuple[str, ...]] = (*MixtureRecipe.names, "labels", "scores")
    train_rendered: ClassVar[str] = ""
    outputs: ClassVar[str]

    @property
    def search(self) -> str:
        """What a search beside the first adds to the names of labels and scores."""
        return ""

    @property
    def labels(self) -> str:
        """Folder of the recognised labels."""
        return f"{self.exp}/{self.outputs}{self.search}"

    @property
    def scores(self) -> str:
        """Folder of the scores."""
        return f"{self.exp}/scores{self.search}"

    @property
    def all_tests(self) -> list[str]:
        """The sets that are tested on: test sets, and noisy copies of them."""
        return [*self.test_sets, *self._mixed_tests(), *self.planned_test_sets]

    @property
    def rendered(self) -> list[str]:
        """Sets that stage 3 renders, that of training included."""
        return [*super().rendered, *filter(None, [super().train_rendered])]

    def check_dump(self) -> None:
        """Warn of test sets with speakers of the training set."""
        self.warn_of_known_speakers()

    def plan(self) -> None:
        """Plan the mixtures of stage 3."""
        self.run_plans(self.queue_mixtures([], []))


@dataclass
class LabelRecipe(UtteranceRecipe):
    """Base class of recipes with a label of each utterance: transcripts (``asr``), intents (``ic``).

    Attributes:
        table: of a data dir, with the labels.
        unit: what a label consists of, for messages.
    """

    title: ClassVar[str] = "Labelled recordings"
    dump_names: ClassVar[tuple[str, ...]] = (*MixtureRecipe.dump_names, "train_args")
    table: ClassVar[str]
    unit: ClassVar[str]

    def check_labelled(self) -> None:
        """Every key of every config that the stages will read, and what is queued."""
        self.check_planners_and_training(f'--{self.task}_args "--frontend.init_args.fs {self.fs}"')

    def check_data(self) -> None:
        """Raise InputError where data/ lacks labels, or there is nothing in them."""
        sets = (self.train_set, *self.valid_sets, *self.test_sets)
        for name in sets if self.runs(1, 2) and not self.dry_run else ():
            if not is_planned(name):
                check_labels(Path("data", name), self.table, self.unit)


def check_labels(folder: Path, table: str, unit: str) -> None:
    """Raise InputError unless a data dir has a table of labels, each of one ``unit`` (``words``) or more."""
    path = folder / table
    missing = f"file not found; local/data.sh must write it, a line '<utterance> <{unit}>' for each utterance"
    lines = (fields(line) for _, line in read_lines(path, missing))
    if empty := [line[0] for line in lines if len(line) == 1]:
        what = f"{counted(len(empty), 'utterance')} without {unit}: {' '.join(empty[:5])}"
        raise InputError(f"{path}: {what}; add the {unit}, or remove the lines and run utils/fix_data_dir.sh {folder}")
