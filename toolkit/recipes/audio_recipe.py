"""What the recipes of enhancement and extraction share: networks that make audio, and metrics of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from toolkit.recipes.mixtures import MixtureRecipe
from toolkit.recipes.options import LIST, as_text, option

GROUPS = ("auto", "gender_pair")  # of --breakdown, beside those of all tasks


@dataclass
class AudioRecipe(MixtureRecipe):
    """Base class of these recipes."""

    title: ClassVar[str] = "Audio"

    train_streams: list[str] = option(["wav", "spk1"], "streams of rendered training mixtures")
    inference_model: str = option("valid.loss.ave.pth", "weights to infer with")
    metrics: list[str] = option([], "of score_audio", LIST)
    breakdown: list[str] = option(
        ["auto"],
        "groups: tables utt2<x> and spk2<x> of the test sets, gender, gender_pair, duration; auto: gender_pair where "
        "the genders of the talkers are known",
        LIST,
    )

    def check_audio(self, more_planners: Iterable[str] = ()) -> None:
        """Every key of every config that the stages will read, the metrics, and the rate."""
        if self.runs(8):
            remedy = f"fix --metrics {as_text(self.metrics)}"
            self.later(remedy, "score_audio", "--metrics", *self.metrics, "--check")
            self.check_breakdown(self.breakdown, GROUPS, "data", [] if self.runs(1) else self.unmixed_tests)
        fs = f'--{self.task}_args "--model.init_args.fs {self.fs}"'
        self.check_planners_and_training(f"{fs} (and frames and hops of as many seconds)", more_planners)

    def check_data(self) -> None:
        """Raise InputError where data/ lacks tables of --breakdown."""
        if self.runs(8):
            self.check_breakdown(self.breakdown, GROUPS, "data", self.unmixed_tests)

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks tables of --breakdown."""
        if self.runs(8) and not self.dry_run:
            self.check_breakdown(self.breakdown, GROUPS, self.raw, self.all_tests)
