"""Speech enhancement: options of ``se.sh``, names of its sets and folders, checks before it runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.downstream_recipe import DownstreamRecipe
from toolkit.recipes.names import name_of, stem_of, tag_of
from toolkit.recipes.options import FILE, FOLDER, LIST, System, Words, option


@dataclass
class Se(DownstreamRecipe):
    """The recipe."""

    title: ClassVar[str] = "Enhancement"
    task: ClassVar[str] = "se"
    stages_help: ClassVar[str] = """\
Speech enhancement: the speech in a noisy recording.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 inference: audio of every test mixture
  3 simulation of mixtures              8 scoring: metrics with intervals over speakers
  4 (features are made on the fly)      9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model
"""
    names: ClassVar[tuple[str, ...]] = (*DownstreamRecipe.names, "sv_name", "verified")

    se_config: str = option("conf/train_convtasnet.yaml", "training config", FILE)
    se_args: str = option("", 'more options of train se, e.g. "--trainer.epochs 3"')
    se_tag: str = option("", "name of the experiment: exp/se_<tag>", FOLDER, "from config and args")
    init_from: str = option(
        "",
        "train from the weights of another experiment, exp/se_<x> (its valid.loss.ave.pth): fine-tuning; becomes part "
        "of the experiment's name, se_<config>_from_<x>",
    )
    alphas: list[str] = option(
        [],
        "train, infer and score once for each of these weights of the SNR loss, of a config with a loss beside it "
        "(loss.init_args.alpha); experiments se_<tag>_alpha<x>, one table and curves",
        Words("[0-9]+[.]?[0-9]*(e-?[0-9]+)?|[.][0-9]+", "number from 0"),
    )
    sv_exp: str = option(
        "",
        "experiment of the SV recipe, ../sv/exp/sv_<x> (or its packed.zip): EER of the test sets' trials on noisy, "
        "enhanced and clean audio, each trial with both sides alike",
        System(),
    )
    metrics: list[str] = option(
        ["si_sdr", "sdr", "pesq_wb", "stoi", "estoi"],
        "metrics of the tables (see score_audio); at 8 kHz pesq_nb replaces pesq_wb; dnsmos_sig dnsmos_bak "
        "dnsmos_ovrl need tools/install.sh --extras dnsmos",
        LIST,
    )

    @property
    def tag(self) -> str:
        """--se_tag; of fine-tuning, what it starts from."""
        if self.se_tag or not self.init_from:
            return self.se_tag
        start = Path(self.init_from.removeprefix(f"{self.expdir}/se_")).name
        return f"{stem_of(self.se_config)}_from_{start}{tag_of(self.se_args)}"

    @property
    def train_args(self) -> str:
        """Further options of training."""
        return f"{self.se_args} --init_from {self._start}" if self.init_from else self.se_args

    @property
    def _start(self) -> str:
        return f"{self.init_from}/valid.loss.ave.pth"

    @property
    def sv_name(self) -> str:
        """Name of the verifier's folders."""
        return f"sv_{name_of(self.sv_exp).removeprefix('sv_')}" if self.sv_exp else ""

    @property
    def verified(self) -> list[str]:
        """Folders of what is verified. Noisy and clean audio is no experiment's own: all share its embeddings."""
        outputs = ["enhanced", *(f"enhanced_beta{beta}" for beta in self.observations)]
        shared, own = (f"{folder}/{self.sv_name}" for folder in (self.expdir, self.exp))
        return [f"{shared}/noisy", f"{shared}/clean", *(f"{own}/{name}" for name in outputs)] if self.sv_exp else []

    def check(self) -> None:
        """Check the options."""
        super().check()
        self.init_from, self.sv_exp = self.init_from.rstrip("/"), self.sv_exp.rstrip("/")
        if self.fs == 8000:  # wide band begins at 16 kHz
            self.metrics = ["pesq_nb" if name == "pesq_wb" else name for name in self.metrics]
        if self.init_from:
            if self.spans(5, 6) and not self.skip_train and not Path(self._start).is_file():
                others = f"train that experiment first, or name another of {self.expdir}/se_*"
                raise InputError(f"--init_from {self.init_from}: no {self._start}; {others}")
        elif Path(self.se_config).name.startswith("finetune_") and self.runs(6):
            raise InputError(f"{self.se_config} goes on from the weights of another experiment: --init_from exp/se_<x>")

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_weights(self.inference_model, "loss")
        if self.sv_exp and self.runs(7, 8):
            hint = ", an experiment in speaker verification, e.g. ../sv/exp/sv_<x>, or its packed.zip"
            self.check_system("sv_exp", "sv", ["--fs", str(self.fs)], hint)
        self.check_audio()

    def check_data(self) -> None:
        """Raise InputError where data/ lacks what later stages need."""
        super().check_data()
        if self.spans(1, 2):
            self._check_verified("data", self.test_sets)  # noisy copies have the trials of their set

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks what later stages need."""
        super().check_dump()
        self._check_verified(self.raw, self.all_tests)
        self.warn_of_known_speakers()

    def _check_verified(self, root: str, sets: Iterable[str]) -> None:
        """Raise InputError where sets that are there lack what --sv_exp needs: trials."""
        if not self.runs(7, 8) or not self.sv_exp or self.dry_run:
            return
        present = [name for name in sets if Path(root, name).is_dir()]
        if without := [f"{root}/{name}" for name in present if not Path(root, name, "trials").is_file()]:
            listed = " ".join(without)
            make = f"{self.python} -m toolkit.bin.make_trials {listed}"
            raise InputError(f"--sv_exp: no trials in {listed}; draw them: {make}")
        self.check_trials(root, present)

    def plan(self) -> None:
        """Plan the mixtures of stage 3."""
        self.run_plans(self.queue_mixtures([], []))
