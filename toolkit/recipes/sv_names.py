"""Names of the sets and folders of ``sv.sh``."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.recipes.names import name_of, stem_of, tag_of
from toolkit.recipes.options import as_text
from toolkit.recipes.scoring import ScoringRecipe
from toolkit.recipes.sv_options import SvScores


@dataclass
class SvNames(SvScores):
    """Options, and the names that follow from them."""

    names: ClassVar[tuple[str, ...]] = (
        *ScoringRecipe.names,
        *(
            "rendered",
            "train_rendered",
            "cohort",
            "cohort_source",
            "embedded",
            "scores_tag",
            "segments",
            "embeddings",
            "vectors",
            "audio_root",
        ),
        *("feats_root", "valid_dirs", "floor_exp", "systems", "stats", "groups", "noisiest"),
    )

    # --- sets

    @property
    def train_sim(self) -> str:
        """The set that is trained on."""
        return f"{self.train_set}_sim" if self._simulates_train else self.train_set

    @property
    def _simulates_train(self) -> bool:
        return bool(self.simulate_train_config or self.speed_perturb_factors)

    @property
    def _noisy_valid(self) -> list[str]:
        return [f"{name}_sim" for name in self.valid_sets] if self.simulate_valid_config else []

    @property
    def all_valid(self) -> list[str]:
        """The validation sets of training."""
        return self.valid_sets + self._noisy_valid

    @property
    def train_rendered(self) -> str:
        """The training set, if stage 3 renders it with several streams."""
        return "" if self.train_streams == ["wav"] else self.train_sim

    @property
    def rendered(self) -> list[str]:
        """Sets that stage 3 renders with one stream."""
        train = [self.train_sim] if self._simulates_train and not self.train_rendered else []
        return [*train, *self._noisy_valid, *self.grid_of(self.test_sets)]

    @property
    def cohort_source(self) -> str:
        """The set of the cohort, if there is one."""
        return (self.cohort_set or self.train_set) if self.score_norm != "none" else ""

    @property
    def cohort(self) -> str:
        """Some utterances of it."""
        return f"{self.cohort_source}_cohort{self.cohort_utts}" if self.cohort_source else ""

    @property
    def embedded(self) -> list[str]:
        """The sets that stage 7 embeds."""
        calibration = self.calibration_set if self.calibrate else []
        return [*self.all_tests, *calibration, *([self.cohort] if self.cohort else [])]

    @property
    def noisiest(self) -> list[str]:
        """Of each test set, its copies at the lowest SNR."""
        lowest = min(self.snrs, key=float) if self.snrs else ""
        return [f"{name}_{kind}_{lowest}" for name in self.test_sets for kind in self.noises]

    # --- folders

    @property
    def exp(self) -> str:
        """Folder of the experiment."""
        speeds = "_sp" if self.speed_perturb_factors else ""
        tag = f"{stem_of(self.sv_config)}_{self.feats_type}{speeds}{tag_of(self.sv_args)}"
        return f"{self.expdir}/sv_{self.sv_tag or tag}"

    @property
    def _se_tag(self) -> str:
        return f"se_{name_of(self.se_exp).removeprefix('se_')}" if self.se_exp else ""

    @property
    def _ee_tag(self) -> str:
        return f"_ee_{name_of(self.ee_exp).removeprefix('ee_')}" if self.ee_exp else ""

    @property
    def scores_tag(self) -> str:
        """What is behind ``scores``: scores of another kind have another name, so that none replaces another."""
        tag = f"_{self.score_tag}" if self.score_tag else self.segments_tag + self._norm_tag
        return tag + (f"_{self._se_tag}" if self.se_exp else "") + self._ee_tag

    @property
    def _norm_tag(self) -> str:
        if not self.cohort:
            return ""
        tag = f"_{self.score_norm}"
        if self.score_norm == "as_norm" and self.top_n != 300:
            tag += f"_top{self.top_n}"
        plain = (self.cohort_source, self.cohort_utts) == (self.train_set, 10)
        return tag if plain else f"{tag}_{self.cohort_source}{self.cohort_utts}"

    @property
    def embeddings(self) -> str:
        """Name of the folder of embeddings."""
        return "embeddings" + ("_segments" if self.segments else "") + (f"_{self._se_tag}" if self.se_exp else "")

    @property
    def vectors(self) -> str:
        """Name of the folder of what is scored."""
        return self.embeddings + self._ee_tag

    @property
    def audio_root(self) -> str:
        """Folder of the sets that are embedded."""
        return f"{self.dumpdir}/{self._se_tag}" if self.se_exp else self.raw

    @property
    def _train_root(self) -> str:
        return self.audio_root if self.train_enhanced else self.raw

    @property
    def feats_root(self) -> str:
        """Folder of the training set."""
        return self._train_root if self.feats_type == "raw" else f"{self.dumpdir}/{self.feats_type}"

    @property
    def valid_dirs(self) -> list[str]:
        """The validation sets of training."""
        return [f"{self._train_root}/{name}" for name in self.all_valid]

    @property
    def floor_exp(self) -> str:
        """Folder of the baseline without training, if there is one."""
        return f"{self.expdir}/{stem_of(self.floor_config)}" if self.floor_config else ""

    @property
    def systems(self) -> list[str]:
        """Folders of the systems that embed and are scored."""
        return [self.exp, *([self.floor_exp] if self.floor_exp else [])]

    @property
    def stats(self) -> str:
        """Folder of the statistics of the training set."""
        return f"{self.expdir}/sv_stats_{self.feats_type}/{self.train_sim}"

    @property
    def groups(self) -> str:
        """Options of score_trials."""
        groups = f"--breakdown {as_text(self.breakdown)}" if self.breakdown else ""
        edges = f"--duration_edges {as_text(self.duration_edges)}" if self.duration_edges else ""
        return f"{groups} {edges}".strip()
