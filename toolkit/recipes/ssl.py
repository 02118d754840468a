"""Self-supervised learning: options of ``ssl.sh``, names of its sets and folders, checks before it runs."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.labels import UtteranceRecipe
from toolkit.recipes.names import name_of, stem_of, tag_of
from toolkit.recipes.options import COUNT, COUNT_OR_0, FILE, FOLDER, System, option


@dataclass
class Ssl(UtteranceRecipe):
    """The recipe."""

    title: ClassVar[str] = "Self-supervised learning"
    task: ClassVar[str] = "ssl"
    stages_help: ClassVar[str] = """\
Self-supervised speech representations by masked prediction of units, the clusters of frames. No labels are read.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 prediction of masked units of every test set
  3 simulation of noisy sets            8 scoring: accuracy, intervals over speakers
  4 units: k-means of MFCC or a layer   9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model
"""
    names: ClassVar[tuple[str, ...]] = (*UtteranceRecipe.names, "units", "unit_args", "unit_deps")

    outputs = "predictions"

    clusters: int = option(100, "number of units", COUNT)
    targets_from: str = option(
        "",
        "trained system of task ssl, whose layer is clustered for the units",
        System("ssl"),
        "none: MFCC are clustered",
    )
    targets_layer: int = option(3, "of --targets_from", COUNT_OR_0)
    unit_frames: int = option(200000, "frames of the training set that k-means sees, drawn at random", COUNT)
    ssl_config: str = option("conf/train_wavlm.yaml", "training config", FILE)
    ssl_args: str = option("", 'more options of train ssl, e.g. "--trainer.epochs 3"')
    ssl_tag: str = option("", "name of the experiment: exp/ssl_<tag>", FOLDER, "from config, units and args")
    inference_model: str = option("valid.loss.ave.pth", "weights to predict with, and to pack")

    # --- names

    @property
    def _unit_kind(self) -> str:
        kind = f"{name_of(self.targets_from)}_layer{self.targets_layer}" if self.targets_from else "mfcc"
        return f"{kind}_{self.clusters}"

    @property
    def units(self) -> str:
        """File of the units, beside the experiments that use them."""
        return f"{self.expdir}/ssl_units/{self.train_set}_{self._unit_kind}/units.safetensors"

    @property
    def unit_args(self) -> list[str]:
        """Options of cluster_frames."""
        words = ["--clusters", str(self.clusters), "--most_frames", str(self.unit_frames)]
        if self.targets_from:
            return [*words, "--system", self.targets_from, "--layer", str(self.targets_layer)]
        return [*words, "--fs", str(self.fs)]

    @property
    def unit_deps(self) -> str:
        """The system that the units are made of."""
        return self.targets_from

    @property
    def tag(self) -> str:
        """--ssl_tag, or the names of the config and of the units, and options."""
        return self.ssl_tag or f"{stem_of(self.ssl_config)}_{self._unit_kind}{tag_of(self.ssl_args)}"

    @property
    def train_args(self) -> str:
        """Further options of training."""
        return f"{self.ssl_args} --units {self.units} --model.init_args.num_clusters {self.clusters}".lstrip()

    # --- checks

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        if self.clusters < 2:
            raise InputError(f"--clusters {self.clusters}: must be 2 or more")
        self.check_weights(self.inference_model, "loss")
        if self.targets_from:
            self.check_system("targets_from", "ssl", ["--fs", str(self.fs)])
        self.check_planners_and_training(f'--ssl_args "--model.init_args.fs {self.fs}"')
