"""Speaker verification: checks before ``sv.sh`` runs, plans of its mixtures."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError
from toolkit.recipes.names import yaml_list
from toolkit.recipes.options import as_text
from toolkit.recipes.sv_names import SvNames


@dataclass
class Sv(SvNames):
    """The recipe."""

    task: ClassVar[str] = "sv"
    stages_help: ClassVar[str] = """\
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 embeddings
  3 simulation of noisy sets            8 scoring: EER, minDCF, intervals
  4 dump features to ark: dump/fbank    9 report: exp/RESULTS.md, report.html, plots
  5 statistics of the training set     10 pack the model
"""

    def check(self) -> None:
        """Check the options."""
        super().check()
        if self.score_norm != "none" and self.scoring == "neg_euclidean":
            norm = f"--score_norm {self.score_norm}"
            raise InputError(f"{norm} cannot be used with --scoring neg_euclidean; use mean_cosine")
        if self.top_n < 2:
            raise InputError(f"--top_n {self.top_n}: must be 2 at least; a standard deviation takes two scores")
        if self.score_norm == "none" and (self.top_n, self.cohort_set) != (300, "") and not self.score_tag:
            norm = "of a --score_norm, and none is given (--score_norm as_norm)"
            raise InputError(f"--top_n and --cohort_set are {norm}")
        self._check_groups()
        self._check_streams()
        if self.train_enhanced and not self.se_exp:
            raise InputError("--train_enhanced true: needs --se_exp, what enhances")
        if self.train_enhanced and self.feats_type != "raw":
            raise InputError("--train_enhanced true: trains from audio; give --feats_type raw")
        self._check_known_sets()
        if self.ee_exp:
            self.ee_exp = self.ee_exp if Path(self.ee_exp).is_file() else self.ee_exp.rstrip("/")
            self.floor_config = ""  # whose embeddings are others

    def _check_groups(self) -> None:
        self.check_breakdown(self.breakdown, (), "data", [])
        if any(float(a) >= float(b) for a, b in pairwise(self.duration_edges)):
            raise InputError(f"--duration_edges {as_text(self.duration_edges)}: must be in rising order")
        if self.duration_edges and "duration" not in self.breakdown:
            raise InputError("--duration_edges needs --breakdown duration")

    def _check_streams(self) -> None:
        streams = f"--train_streams {as_text(self.train_streams)}"
        if "wav" not in self.train_streams:
            raise InputError(f"{streams}: wav must be among them")
        if self.train_streams != ["wav"] and not self._simulates_train:
            raise InputError(f"{streams}: needs --simulate_train_config, which makes these streams")

    def _check_known_sets(self) -> None:
        known = {self.train_set, self.train_sim, *self.all_valid, *self.all_tests}
        options = f"--calibration_set {as_text(self.calibration_set or self.all_valid)} --cohort_set {self.cohort_set}"
        for name in (*self.calibration_set, *self.cohort_set.split()):
            if name not in known and not Path(self.raw, name).is_dir():
                listed = " ".join([self.train_set, *self.all_valid, *self.test_sets])
                hint = f"it can also be one of {listed}"
                raise InputError(f"{options}: set {name} not found in {self.raw}; {hint}")
        self.calibration_set = self.calibration_set or self.all_valid

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_inference_model(self.inference_model, "eer")
        self.check_experiment()
        trains = self.spans(4, 6)
        if trains:
            self.check_training(f"{self.feats_root}/{self.train_sim}", self.valid_dirs)
        if self.runs(7):
            if self.floor_config:
                remedy = f"fix --floor_config {self.floor_config}"
                self.later(remedy, "check_network", "sv", "--config", self.floor_config)
            if self.se_exp:
                self.check_system("se_exp", "se", ["--fs", str(self.fs)])
            if self.ee_exp:
                self.check_system("ee_exp", "ee")
        if int(self.stage) <= 6:
            for config in filter(None, (self.simulate_train_config, self.simulate_valid_config)):
                self.check_plan(config)
            if self.noises and self.snrs:
                self.check_grid(self.simulate_test_config)
        answers = self.run_checks()
        if trains:
            self._check_training_data(answers)
        if self.runs(7) and self.floor_config:
            self.unmade += self.make_system(self.floor_config, self.floor_exp)

    def _check_training_data(self, answers: dict[str, str]) -> None:
        """What the config trains from, and whether it adds noise, go with the options."""
        config, mixes = self.sv_config, answers.get("mixing") == "true"
        fits = (self.feats_type, answers.get("stream")) in (("raw", "wav"), ("fbank", "feats"))
        if not fits and self.feats_type == "fbank":
            other = "with this recipe's features it would need data.class_path FeatureDataset"
            raise InputError(f"{config} trains from audio: give --feats_type raw ({other})")
        if not fits:
            other = "to train from audio it would need data.class_path MixtureDataset"
            raise InputError(f"{config} trains from features: give --feats_type fbank ({other})")
        without = '--sv_args "--data.init_args.planner null"'
        if mixes and self.train_enhanced:
            raise InputError(
                f"{config} adds noise to what it reads, and --train_enhanced true gives it enhanced audio; give "
                f"{without}, and noise before enhancement by --simulate_train_config"
            )
        if mixes and self.simulate_train_config and answers.get("plan") == "mixing":
            planner = f"--simulate_train_config {self.simulate_train_config}"
            raise InputError(
                f"{config} adds noise to what it reads, and {planner} has added noise before; give "
                f'--simulate_train_config "", or {without}'
            )

    def check_data(self) -> None:
        """Raise InputError where data/ lacks trials, or tables of --breakdown."""
        self.check_breakdown(self.breakdown, (), "data", self.test_sets)
        if self.runs(1):
            self.check_trials("data", [*self.valid_sets, *self.test_sets])

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks what training and scoring need."""
        if self.dry_run:
            return
        calibration = self.calibration_set if self.calibrate else []
        lists = self.all_valid if self.runs(6) else []
        lists = lists + ([*self.all_tests, *calibration] if self.runs(8) else [])
        cohort = [self.cohort_source] if self.cohort and self.runs(8) else []
        for name in (*lists, *cohort):
            if not Path(self.raw, name).is_dir():
                options = "--test_sets, --valid_sets, --calibration_set, --cohort_set"
                hint = f"run the stages before, or name another set ({options})"
                raise InputError(f"{self.raw}/{name}: data dir not found; {hint}")
        for path in (Path(self.raw, name, "utt2spk") for name in cohort):
            if not path.is_file() or len(set(read_table(path).values())) < 2:
                hint = "a cohort must have two speakers at least (--cohort_set)"
                raise InputError(f"--score_norm {self.score_norm}: {path.parent}: {hint}")
        self.check_trials(self.raw, lists)
        self.warn_of_known_speakers()

    # --- stage 3

    def plan(self) -> None:
        """Plan the mixtures of stage 3."""
        options = ["--copies", str(self.train_copies)]
        if self.speed_perturb_factors:
            options += ["--planner.speeds", yaml_list(self.speed_perturb_factors)]
            options += ["--planner.new_speakers", "true", "--each_speed"]
        if self._simulates_train:
            self.queue_plan(self.simulate_train_config, self.train_set, self.train_sim, options)
        for name, noisy in zip(self.valid_sets, self._noisy_valid, strict=False):
            self.queue_plan(self.simulate_valid_config, name, noisy)
        for name in self.test_sets if self.noises and self.snrs else []:
            self.queue_grid(self.simulate_test_config, name)
        self.run_plans([*self.rendered, *filter(None, [self.train_rendered])])
