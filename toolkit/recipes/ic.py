"""Intent classification: options of ``ic.sh``, names of its sets and folders, checks before it runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.slots import TABLE, read_slots
from toolkit.recipes.labels import LabelRecipe
from toolkit.recipes.options import FILE, FOLDER, option


@dataclass
class Ic(LabelRecipe):
    """The recipe."""

    title: ClassVar[str] = "Intent classification"
    task: ClassVar[str] = "ic"
    stages_help: ClassVar[str] = """\
Intent classification: what a spoken order asks for, a value for each slot. Every set has intents (utt2intent), a line
'<utterance> action=activate object=lights' for each utterance; the slots and values of train_set and valid_sets replace
those of the config. Test sets are scored without noise, too.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 intents of every test set
  3 simulation of noisy sets            8 scoring: accuracy, intervals over speakers
  4 (features are made on the fly)      9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model
"""
    table, unit, outputs = TABLE, "slots", "intents"

    ic_config: str = option("conf/train_tdnn.yaml", "training config", FILE)
    ic_args: str = option("", 'more options of train ic, e.g. "--trainer.epochs 3"')
    ic_tag: str = option("", "name of the experiment: exp/ic_<tag>", FOLDER, "from config and args")
    inference_model: str = option("valid.accuracy.ave.pth", "weights to classify with")

    @property
    def train_args(self) -> str:
        """Further options of training; the slots are in the tables that stage 1 writes."""
        folders = [Path("data", name) for name in (self.train_set, *self.valid_sets)]
        if not all((folder / self.table).is_file() for folder in folders):
            return self.ic_args
        slots = json.dumps(read_slots(folders), separators=(",", ":"))
        return f"{self.ic_args} --model.init_args.slots {slots}".lstrip()

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_weights(self.inference_model, "accuracy")
        self.check_labelled()

    def check_data(self) -> None:
        """Raise InputError where data/ lacks intents, or one of them is malformed or has other slots."""
        super().check_data()
        tables = [Path("data", name) for name in (self.train_set, *self.valid_sets, *self.test_sets)]
        read_slots([folder for folder in tables if (folder / self.table).is_file()])
