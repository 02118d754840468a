"""Recipes on embeddings of a trained extractor: --sv_exp, or --extractor_config of one that needs no training."""

from dataclasses import dataclass
from pathlib import Path

from toolkit.recipes.names import name_of, stem_of
from toolkit.recipes.options import FILE, FOLDER, System, option
from toolkit.recipes.recipe import Recipe


@dataclass
class ExtractorRecipe(Recipe):
    """Base class of these recipes."""

    title = "Extractor of embeddings"

    sv_exp: str = option(
        "",
        "speaker encoder of the embeddings: an experiment of the SV recipe, ../sv/exp/sv_<x>, or its packed.zip",
        System(),
    )
    extractor_config: str = option(
        "", "without --sv_exp: the config of an extractor that needs no training, such as that of GE2E", FILE
    )
    extractor_name: str = option("", "name of its folders", FOLDER, "that of the experiment or of the config")

    def check(self) -> None:
        """Check the options."""
        super().check()
        if self.sv_exp:
            self.extractor_config = ""
            self.sv_exp = self.sv_exp if Path(self.sv_exp).is_file() else self.sv_exp.rstrip("/")

    @property
    def extractor(self) -> str:
        """Its name."""
        return self.extractor_name or (name_of(self.sv_exp) if self.sv_exp else stem_of(self.extractor_config))

    @property
    def raw_exp(self) -> str:
        """The folder that an extractor without training gets."""
        return f"{self.expdir}/{self.extractor}"

    @property
    def system(self) -> str:
        """What programs load."""
        return self.sv_exp or self.raw_exp

    def check_extractor(self, weights: str) -> None:
        """Queue the check that it is for speaker verification, at --fs.

        The recipe's own config may name classes of its user; what --sv_exp names may not.
        """
        if self.sv_exp:
            self.check_system("sv_exp", "sv", ["--weights", weights, "--fs", str(self.fs)])
        else:
            remedy = f"fix --extractor_config {self.extractor_config}"
            self.later(remedy, "check_network", "sv", "--config", self.extractor_config, "--fs", str(self.fs))

    def make_extractor(self) -> list[str]:
        """Make the folder of one without training; what a dry run leaves unmade."""
        return [] if self.sv_exp else self.make_system(self.extractor_config, self.raw_exp)
