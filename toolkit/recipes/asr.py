"""Speech recognition: options of ``asr.sh``, names of its sets and folders, checks before it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError, counted
from toolkit.io.text import fields, read_lines
from toolkit.recipes.mixtures import MixtureRecipe, is_planned
from toolkit.recipes.names import stem_of, tag_of
from toolkit.recipes.options import COUNT, FILE, FOLDER, Choice, option


@dataclass
class Asr(MixtureRecipe):
    """The recipe."""

    title: ClassVar[str] = "Recognition"
    task: ClassVar[str] = "asr"
    stages_help: ClassVar[str] = """\
Speech recognition: the words in a recording. Every set has transcripts (text); test sets are scored without noise, too.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 transcription of every test set
  3 simulation of noisy sets            8 scoring: WER, CER, intervals over speakers
  4 units of text, by sentencepiece     9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model
"""
    names: ClassVar[tuple[str, ...]] = (*MixtureRecipe.names, "units", "unit_size", "transcripts", "scores")
    dump_names: ClassVar[tuple[str, ...]] = (*MixtureRecipe.dump_names, "train_args")

    token_type: str = option("bpe", "units: bpe, pieces of words, or char, characters", Choice(("bpe", "char")))
    nbpe: int = option(500, "number of BPE units", COUNT)
    asr_config: str = option("conf/train_conformer.yaml", "training config", FILE)
    asr_args: str = option("", 'more options of train asr, e.g. "--trainer.epochs 3"')
    asr_tag: str = option("", "name of the experiment: exp/asr_<tag>", FOLDER, "from config, units and args")
    inference_model: str = option("valid.cer.ave.pth", "weights to transcribe with")
    inference_args: str = option("", 'more options of transcribe_audio, e.g. "--beam 20 --ctc_weight 0.5"')
    inference_tag: str = option(
        "", "name of another search: exp/asr_<tag>/scores_<inference_tag>, a row beside the first", FOLDER
    )

    # --- names

    @property
    def unit_size(self) -> str:
        """Number of BPE units; empty for characters."""
        return str(self.nbpe) if self.token_type == "bpe" else ""

    @property
    def _unit_kind(self) -> str:
        return self.token_type + self.unit_size

    @property
    def units(self) -> str:
        """Folder of the units, beside the experiments that use them."""
        return f"{self.expdir}/asr_units/{self.train_set}_{self._unit_kind}"

    @property
    def tag(self) -> str:
        """--asr_tag, or the names of the config and of the units, and options."""
        return self.asr_tag or f"{stem_of(self.asr_config)}_{self._unit_kind}{tag_of(self.asr_args)}"

    @property
    def train_args(self) -> str:
        """Further options of training; the number of characters is in the file of units, which stage 4 makes."""
        vocabulary = Path(self.units, "units.vocab")
        size = str(len(vocabulary.read_text().splitlines())) if vocabulary.is_file() else self.unit_size
        number = f" --model.init_args.num_units {size}" if size else ""
        return f"{self.asr_args} --units {self.units}/units.model{number}".lstrip()

    @property
    def all_tests(self) -> list[str]:
        """The sets that are tested on: test sets, and noisy copies of them."""
        return [*self.test_sets, *self._mixed_tests(), *self.planned_test_sets]

    @property
    def _search(self) -> str:
        return f"_{self.inference_tag}" if self.inference_tag else ""

    @property
    def transcripts(self) -> str:
        """Folder of the transcripts."""
        return f"{self.exp}/transcripts{self._search}"

    @property
    def scores(self) -> str:
        """Folder of the scores."""
        return f"{self.exp}/scores{self._search}"

    # --- checks

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_weights(self.inference_model, "cer")
        if self.runs(7):
            remedy = f"fix --inference_args {self.inference_args}"
            # The check of options does not read the model.
            self.later(remedy, "transcribe_audio", "--model", "none", *self.inference_args.split(), "--check")
        self.check_planners_and_training(f'--asr_args "--frontend.init_args.fs {self.fs}"')

    def check_data(self) -> None:
        """Raise InputError where data/ lacks transcripts, or words in them."""
        sets = (self.train_set, *self.valid_sets, *self.test_sets)
        for name in sets if self.runs(1, 2) and not self.dry_run else ():
            if not is_planned(name):
                check_transcripts(Path("data", name))

    def check_dump(self) -> None:
        """Warn of test sets with speakers of the training set."""
        self.warn_of_known_speakers()

    # --- stage 3

    def plan(self) -> None:
        """Plan the mixtures of stage 3."""
        self.run_plans(self.queue_mixtures([], []))


def check_transcripts(folder: Path) -> None:
    """Raise InputError unless a data dir has ``text`` with words of every utterance."""
    path = folder / "text"
    missing = "file not found; local/data.sh must write it, a line '<utterance> <words>' for each utterance"
    lines = (fields(line) for _, line in read_lines(path, missing))
    if empty := [line[0] for line in lines if len(line) == 1]:
        what = f"{counted(len(empty), 'utterance')} without words: {' '.join(empty[:5])}"
        raise InputError(f"{path}: {what}; add the words, or remove the lines and run utils/fix_data_dir.sh {folder}")
