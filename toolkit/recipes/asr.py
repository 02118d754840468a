"""Speech recognition: options of ``asr.sh``, names of its sets and folders, checks before it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.recipes.labels import LabelRecipe
from toolkit.recipes.names import stem_of, tag_of
from toolkit.recipes.options import COUNT, FILE, FOLDER, Choice, option


@dataclass
class Asr(LabelRecipe):
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
    names: ClassVar[tuple[str, ...]] = (*LabelRecipe.names, "units", "unit_size")
    table, unit, outputs = "text", "words", "transcripts"

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
    def search(self) -> str:
        """See the base class."""
        return f"_{self.inference_tag}" if self.inference_tag else ""

    # --- checks

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_weights(self.inference_model, "cer")
        if self.runs(7):
            remedy = f"fix --inference_args {self.inference_args}"
            # The check of options does not read the model.
            self.later(remedy, "transcribe_audio", "--model", "none", *self.inference_args.split(), "--check")
        self.check_labelled()
