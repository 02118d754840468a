"""Enhancement of speaker embeddings: options of ``ee.sh``, names of its sets and folders, checks before it runs."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.extractor_recipe import ExtractorRecipe
from toolkit.recipes.names import name_of, stem_of, tag_of
from toolkit.recipes.options import COUNT, COUNT_OR_0, FILE, FOLDER, LIST, NUMBER, PROBABILITY, System, as_text, option
from toolkit.recipes.scoring import ScoringRecipe


@dataclass
class Ee(ScoringRecipe, ExtractorRecipe):
    """The recipe."""

    title: ClassVar[str] = "Enhancement of embeddings"
    task: ClassVar[str] = "ee"
    stages_help: ClassVar[str] = """\
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 embeddings of test sets: dump/embed/<extractor>, exp/ee_<tag>/embeddings
  3 simulation of noisy test sets       8 scoring: EER, minDCF, intervals; spread over the noise's seeds; costs
  4 embeddings of speech and its        9 report: exp/RESULTS.md, report.html, plots
    variants: dump/pairs/<extractor>   10 pack the model
  5 statistics of the training set
"""
    names: ClassVar[tuple[str, ...]] = (
        *ScoringRecipe.names,
        *("system", "raw_exp", "segments", "segments_tag", "embedded", "embeddings", "scores_tag", "pairs", "cascade"),
        *("stats", "rendered", "calibrated"),
    )

    simulate_test_config: str = option(
        "conf/simulate_test.yaml",
        'planner config with the noises of the test conditions; "" without --test_noises',
        FILE,
    )
    calibration_set: list[str] = option(
        [], "sets with trials to calibrate on, for actDCF, Cllr and the use of the packed model: none without", LIST
    )
    simulate_calibration_config: str = option(
        "", "planner config; makes <set>_sim of each of them, which is calibrated on in its place", FILE
    )
    p_target: str = option("0.05", "probability of one speaker for which scores are calibrated", PROBABILITY)
    inference_model: str = option("valid.eer.ave.pth", "weights of --sv_exp")
    pairs_config: str = option("conf/pairs_train.yaml", "variants of clean speech that training sees", FILE)
    valid_pairs_config: str = option("conf/pairs_valid.yaml", "those of the valid sets", FILE)
    pair_draws: int = option(1, "crops of each utterance", COUNT)
    crop_seconds: str = option("2.015", "their length in s, 0: all of the utterance", NUMBER)
    ee_config: str = option("conf/train_seed.yaml", "training config", FILE)
    ee_args: str = option("", 'more options of train ee, e.g. "--trainer.epochs 3"')
    ee_tag: str = option("", "name of the experiment: exp/ee_<tag>", FOLDER, "from config, extractor, args")
    sampling_seed: int = option(0, "seed of the noise in use", COUNT_OR_0)
    sampling_draws: int = option(1, "number of its draws, of which the mean is taken", COUNT)
    spread_seeds: int = option(20, "number of seeds for the spread of the EER; 0: none", COUNT_OR_0)
    spread_draws: int = option(5, "draws in a mean of the spread; 0: none", COUNT_OR_0)
    spread_timesteps: list[str] = option([], 'EER by the timestep of a diffusion model, e.g. "1 50"', COUNT_OR_0)
    se_exp: str = option(
        "",
        "a row for enhancement of the audio in place of the embeddings, by this experiment, ../se/exp/se_<x>, or "
        "packed zip",
        System("enhancement"),
    )

    # --- names

    @property
    def exp(self) -> str:
        """Folder of the experiment."""
        tag = stem_of(self.ee_config)
        if f"_{self.extractor}_" not in f"_{tag}_":
            tag += f"_{self.extractor}"
        return f"{self.expdir}/ee_{self.ee_tag or tag + tag_of(self.ee_args)}"

    @property
    def rendered(self) -> list[str]:
        """Sets that stage 3 renders."""
        noisy = self.calibrated if self.simulate_calibration_config else []
        return [*noisy, *self.grid_of(self.test_sets)]

    @property
    def calibrated(self) -> list[str]:
        """Sets that are calibrated on."""
        return [f"{name}_sim" if self.simulate_calibration_config else name for name in self.calibration_set]

    @property
    def pairs(self) -> str:
        """Folder of the embeddings of speech and its variants."""
        return f"{self.dumpdir}/pairs/{self.extractor}"

    @property
    def embedded(self) -> str:
        """Folder of the embeddings of test sets."""
        return f"{self.dumpdir}/embed/{self.extractor}" + ("_segments" if self.segments else "")

    @property
    def _sampling_tag(self) -> str:
        plain = (self.sampling_seed, self.sampling_draws) == (0, 1)
        return "" if plain else f"_seed{self.sampling_seed}x{self.sampling_draws}"

    @property
    def embeddings(self) -> str:
        """Name of the folder of enhanced embeddings."""
        return "embeddings" + ("_segments" if self.segments else "") + self._sampling_tag

    @property
    def scores_tag(self) -> str:
        """What is behind ``scores`` of the experiment."""
        return self.segments_tag + self._sampling_tag

    @property
    def cascade(self) -> str:
        """Name of the enhancement of audio, if there is one."""
        return f"se_{name_of(self.se_exp).removeprefix('se_')}" if self.se_exp else ""

    @property
    def stats(self) -> str:
        """Folder of the statistics of the training set."""
        return f"{self.expdir}/ee_stats_{self.extractor}/{self.train_set}"

    @property
    def trained_speakers(self) -> tuple[str, str]:
        """The training set, whose embeddings the experiment reads."""
        return "--train_dir", f"{self.raw}/{self.train_set}/utt2spk"

    # --- checks

    def check(self) -> None:
        """Check the options."""
        super().check()
        if not self.simulate_test_config and self.noises:
            noises = f"--test_noises {as_text(self.test_noises)} --ood_noises {as_text(self.ood_noises)}"
            raise InputError(f"{noises}: --simulate_test_config must name the config of these noises")
        if self.simulate_calibration_config and not self.calibration_set:
            config = f"--simulate_calibration_config {self.simulate_calibration_config}"
            raise InputError(f"{config}: needs --calibration_set, of which it makes noisy copies")
        if not self.sv_exp and not self.extractor_config:
            raise InputError("--sv_exp or --extractor_config must say what makes the embeddings")

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_experiment()
        if int(self.stage) <= 7:
            self.check_extractor(self.inference_model)
        if self.spans(4, 6):
            self.check_training(f"{self.pairs}/{self.train_set}", [f"{self.pairs}/{name}" for name in self.valid_sets])
            for config in filter(None, (self.pairs_config, self.valid_pairs_config)):
                words = ("embed_pairs", "--check", "--config", config, "--known_sets", self.known_sets)
                self.later(f"fix {config}", *words)
        if self.runs(7) and self.se_exp:
            self.check_system("se_exp", "se", ["--fs", str(self.fs)])
        if int(self.stage) <= 3:
            if self.simulate_calibration_config:
                self.check_plan(self.simulate_calibration_config)
            if self.noises and self.snrs:
                self.check_grid(self.simulate_test_config)
        self.run_checks()
        self.unmade += self.make_extractor()

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks the trials of test and calibration sets."""
        if self.runs(8):
            self.check_trials(self.raw, [*self.all_tests, *self.calibrated])
        self.warn_of_known_speakers()

    # --- stage 3

    def plan(self) -> None:
        """Plan the noisy copies of the calibration and test sets."""
        for name, noisy in zip(self.calibration_set, self.calibrated, strict=True):
            if self.simulate_calibration_config:
                self.queue_plan(self.simulate_calibration_config, name, noisy)
        for name in self.test_sets if self.noises and self.snrs else []:
            self.queue_grid(self.simulate_test_config, name)
        self.run_plans(self.rendered)
