"""What recipes on mixtures share: sets of mixtures, made by stage 3 or planned by local/data.sh."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.names import is_network_alone, stem_of, tag_of
from toolkit.recipes.options import COUNT, FILE, FILES, LIST, option
from toolkit.recipes.recipe import Recipe


@dataclass
class MixtureRecipe(Recipe):
    """Base class of recipes on mixtures.

    A set is recordings (wav.scp), or mixtures that local/data.sh has planned (mix.jsonl).
    """

    title: ClassVar[str] = (
        "Mixtures: a set is recordings (wav.scp), or mixtures that local/data.sh has planned (mix.jsonl)"
    )
    names: ClassVar[tuple[str, ...]] = (*Recipe.names, "stats")
    data_names: ClassVar[tuple[str, ...]] = ("rendered", "train_rendered")

    planned_test_sets: list[str] = option([], "test sets beside --test_sets, which local/data.sh has planned", LIST)
    simulate_train_config: str = option(
        "",
        "planner config; makes <train_set>_sim on disk, which is trained on",
        FILE,
        "none: mixtures are made on the fly as the training config says",
    )
    train_copies: int = option(1, "mixtures of each training utterance", COUNT)
    simulate_valid_config: str = option(
        "", "planner config; makes <valid>_sim of each valid set, which ranks the models", FILE
    )
    simulate_test_configs: list[str] = option(
        [], "planner configs conf/simulate_<condition>.yaml; each makes <test>_<condition> of each test set", FILES
    )
    simulate_grid_config: str = option(
        "", "planner config with the noises of the test conditions: makes <test>_<noise>_<snr> of each test set", FILE
    )
    # --- names

    @property
    def tag(self) -> str:
        """--<task>_tag, or empty."""
        return getattr(self, f"{self.task}_tag")

    @property
    def exp(self) -> str:
        """Folder of the experiment."""
        own_args = getattr(self, f"{self.task}_args")
        return f"{self.expdir}/{self.task}_{self.tag or stem_of(self.train_config) + tag_of(own_args)}"

    @property
    def train_sim(self) -> str:
        """The set that is trained on."""
        return f"{self.train_set}_sim" if self.simulate_train_config else self.train_set

    @property
    def all_valid(self) -> list[str]:
        """The validation sets of training."""
        return [f"{name}_sim" if self.simulate_valid_config else name for name in self.valid_sets]

    @property
    def unmixed_tests(self) -> list[str]:
        """Test sets of which no mixtures are made, which have more tables."""
        return [] if self.simulate_test_configs or self.simulate_grid_config else self.test_sets

    @property
    def all_tests(self) -> list[str]:
        """The sets that are tested on."""
        return [*self.unmixed_tests, *self._mixed_tests(), *self.planned_test_sets]

    def _mixed_tests(self) -> list[str]:
        sets: list[str] = []
        for name in self.test_sets:
            sets += [f"{name}_{condition_of(config)}" for config in self.simulate_test_configs]
            sets += self.grid_of([name]) if self.simulate_grid_config else []
        return sets

    @property
    def stats(self) -> str:
        """Folder of the statistics of the training set."""
        return f"{self.expdir}/{self.task}_stats/{self.train_sim}"

    # --- names of what is planned

    @property
    def planned_enrolments(self) -> list[str]:
        """Sets of noisy enrolments."""
        return []

    @property
    def rendered(self) -> list[str]:
        """Sets that stage 3 renders with all streams."""
        planned = [name for name in (*self.valid_sets, *self.test_sets) if is_planned(name)]
        valid = self.all_valid if self.simulate_valid_config else []
        return [*planned, *self.planned_test_sets, *self.planned_enrolments, *valid, *self._mixed_tests()]

    @property
    def train_rendered(self) -> str:
        """The training set, if stage 3 renders it."""
        return self.train_sim if self.simulate_train_config or is_planned(self.train_set) else ""

    # --- checks

    def check_weights(self, name: str, metric: str) -> None:
        """Raise InputError where the experiment is used and not trained by this run, and has no weights."""
        self.check_inference_model(name, metric)
        self.check_experiment()
        weights = Path(self.exp, name)
        is_used = self.runs(7, 8, 9, 10) and not self.runs(6)
        if is_used and not weights.exists() and not is_network_alone(self.train_config):
            hint = "train first (stage 6), or choose others (--inference_model)"
            raise InputError(f"{weights}: no such weights; {hint}")

    def check_planners_and_training(self, rate_hint: str, more_planners: Iterable[str] = ()) -> None:
        """Every key of every config that the stages will read, what is queued, and the rate.

        Args:
            rate_hint: how else the rate of the network is that of the recordings.
            more_planners: planner configs, beside those of mixtures.
        """
        trains = self.spans(5, 6)
        if trains:
            self.check_training(f"{self.raw}/{self.train_sim}", [f"{self.raw}/{name}" for name in self.all_valid])
        if self.spans(1, 3):
            planners = (self.simulate_train_config, self.simulate_valid_config, *self.simulate_test_configs)
            for config in filter(None, (*planners, *more_planners)):
                self.check_plan(config)
            if self.simulate_grid_config:
                self.check_grid(self.simulate_grid_config)
        rate = self.run_checks().get("fs", "")
        if trains and rate != str(self.fs):
            where = f"--fs {self.fs}, but the network of {self.train_config} is for {rate} Hz"
            raise InputError(f"{where}: give --fs {rate}, or {rate_hint}")

    # --- stage 3

    def queue_mixtures(self, train_options: list[str], test_options: list[str]) -> list[str]:
        """Queue the plans of training, validation and test mixtures; the sets that they make."""
        if self.simulate_train_config:
            copies = ["--copies", str(self.train_copies)]
            self.queue_plan(self.simulate_train_config, self.train_set, self.train_sim, [*copies, *train_options])
        for name in self.valid_sets if self.simulate_valid_config else []:
            self.queue_plan(self.simulate_valid_config, name, f"{name}_sim", test_options)
        for name in self.test_sets:
            for config in self.simulate_test_configs:
                self.queue_plan(config, name, f"{name}_{condition_of(config)}", test_options)
            if self.simulate_grid_config:
                self.queue_grid(self.simulate_grid_config, name, test_options)
        valid = self.all_valid if self.simulate_valid_config else []
        train = [self.train_sim] if self.simulate_train_config else []
        return [*self.planned_enrolments, *valid, *self._mixed_tests(), *train]


def condition_of(config: str) -> str:
    """``2talker`` of conf/simulate_2talker.yaml."""
    return stem_of(config).removeprefix("simulate_")


def is_planned(name: str) -> bool:
    """Are the mixtures of a set in data/ planned by local/data.sh?"""
    return Path("data", name, "mix.jsonl").is_file() and not Path("data", name, "wav.scp").is_file()
