"""Recipes that score trials: --scoring, and what it adds to the names of scores."""

from dataclasses import dataclass
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.options import COUNT_OR_0, POSITIVE, Choice, option
from toolkit.recipes.recipe import Recipe

PLAIN = (10, "4.015")  # segments, seconds


@dataclass
class ScoringRecipe(Recipe):
    """Base class of these recipes."""

    title: ClassVar[str] = "Scoring"

    scoring: str = option(
        "cosine",
        "cosine: of whole utterances; mean_cosine, neg_euclidean: over all pairs of segments",
        Choice(("cosine", "mean_cosine", "neg_euclidean")),
    )
    num_segments: int = option(10, "segments of an utterance, 10000 at most; 0: consecutive ones", COUNT_OR_0)
    segment_seconds: str = option("4.015", "length of segments in s", POSITIVE)

    def check(self) -> None:
        """Check the options."""
        super().check()
        if self.num_segments > 10000:
            raise InputError(f"--num_segments {self.num_segments}: must be 10000 at most")

    @property
    def segments_tag(self) -> str:
        """What --scoring adds to the name of scores: ``_mean_cosine_3x1``."""
        if self.scoring == "cosine":
            return ""
        plain = (self.num_segments, self.segment_seconds) == PLAIN
        return f"_{self.scoring}" + ("" if plain else f"_{self.num_segments}x{self.segment_seconds}")

    @property
    def segments(self) -> str:
        """Options of embed_utterances."""
        if self.scoring == "cosine":
            return ""
        return f"--num_segments {self.num_segments} --segment_seconds {self.segment_seconds}"
