"""Extraction from real recordings, which have no targets: --real_sets."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.downstream_recipe import DownstreamRecipe
from toolkit.recipes.extractor_recipe import ExtractorRecipe
from toolkit.recipes.options import LIST, as_text, option

ROOT = Path(__file__).parents[2]
TIMING = ["timing_f1", "timing_precision", "timing_recall"]
DNSMOS = ["dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"]


@dataclass
class RealRecordings(DownstreamRecipe, ExtractorRecipe):
    """Base class of the recipe of extraction."""

    title: ClassVar[str] = "Real recordings, without targets"

    real_sets: list[str] = option(
        [],
        "sets of real recordings in data/ (wav.scp, enroll_spk1.scp, perhaps rttm): extract from them, and score "
        "without reference",
        LIST,
    )
    real_metrics: list[str] = option(
        ["auto"],
        "metrics that need no reference: similarity, the cosine by --sv_exp, else by GE2E; auto: "
        "similarity; of sets with rttm timing_f1 timing_precision timing_recall; at 16 kHz dnsmos_sig dnsmos_bak "
        "dnsmos_ovrl; they "
        'need tools/install.sh --extras "pretrained vad dnsmos"',
        LIST,
    )

    @property
    def _measures_similarity(self) -> bool:
        return bool(self.real_sets) and not {"auto", "similarity"}.isdisjoint(self.real_metrics)

    @property
    def verifier(self) -> str:
        """The system that measures similarity, if it is measured."""
        return (self.sv_exp or f"{self.expdir}/ge2e") if self._measures_similarity else ""

    @property
    def real_groups(self) -> str:
        """Lines ``metrics|sets``: the metrics of score_audio, and the sets that have their tables."""
        groups: dict[str, list[str]] = {}
        for name in self.real_sets:
            groups.setdefault(" ".join(self._metrics_of(name)), []).append(name)
        return "\n".join(f"{metrics}|{' '.join(sets)}" for metrics, sets in sorted(groups.items()))

    def _metrics_of(self, set_name: str) -> list[str]:
        """Metrics of score_audio for a set; without rttm none of timing."""
        auto = TIMING + (DNSMOS if self.fs == 16000 else [])
        names = [name for word in self.real_metrics for name in (auto if word == "auto" else [word])]
        timed = any(Path(root, set_name, "rttm").is_file() for root in ("data", self.raw))
        return [metric for metric in names if metric != "similarity" and (timed or not metric.startswith("timing_"))]

    def check(self) -> None:
        """Check the options."""
        super().check()
        others = {self.train_set, *self.valid_sets, *self.test_sets, *self.extra_sets, *self.room_sets}
        where = f"--real_sets {as_text(self.real_sets)}"
        for name in self.real_sets:
            if name in others:
                raise InputError(f"{where}: {name} is another set of this run; choose another name")
            enrolments, lines = f"data/{name}/enroll_spk1.scp", "'<utterance> <another recording of its speaker>'"
            if int(self.stage) in (0, 2) and not Path("data", name).is_dir():
                files = "wav.scp enroll_spk1.scp utt2spk spk2utt"
                raise InputError(f"{where}: data/{name} not found; its files: {files}")
            if int(self.stage) in (0, 2) and not Path(enrolments).is_file():
                raise InputError(f"{where}: {enrolments} not found; lines {lines}")

    def check_real(self) -> None:
        """Queue the checks of the metrics, and of the verifier of real recordings."""
        if not self.real_sets or not self.runs(8):
            return
        options = f"--real_metrics {as_text(self.real_metrics)}"
        metrics = [metric for name in self.real_sets for metric in self._metrics_of(name)]
        if metrics:
            self.later(f"fix {options}", "score_audio", "--metrics", *metrics, "--check", "--no_reference")
        timing = [any("timing_" in word for word in words) for words in (self.real_metrics, metrics)]
        if self.stage != "1" and timing == [True, False]:
            raise InputError(f"{options}: no set of {as_text(self.real_sets)} has an rttm, which timing needs")
        if self._measures_similarity and not self.sv_exp:
            config = str(Path(os.environ.get("VOXSIFT_ROOT", ROOT), "egs/TEMPLATE/conf/ge2e.yaml"))
            remedy = "or name another verifier by --sv_exp, or leave similarity out of --real_metrics"
            self.later(remedy, "check_network", "sv", "--config", config)
            self.run_checks(".verifier")
            self.unmade += self.make_system(config, self.verifier)
