"""Options that all recipes have: the run, its data, the test conditions, its results."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.recipes.options import CHANNEL, COUNT, COUNT_OR_0, LIST, NUMBER, Options, option

STAGES = range(1, 11)


@dataclass
class General(Options):
    """Options of the run itself."""

    title: ClassVar[str] = "General"
    stage: str = option("1", "first stage to run")
    stop_stage: str = option("10000", "last stage to run")
    skip_stages: list[str] = option([], 'stages to leave out, e.g. "4 5"', COUNT_OR_0)
    skip_data_prep: bool = option(False, "leave out stages 1 to 5")
    skip_train: bool = option(False, "leave out stage 6")
    skip_eval: bool = option(False, "leave out stages 7 to 9")
    skip_packing: bool = option(True, "leave out stage 10")
    dry_run: bool = option(False, "print what would run, and where, and what is done already")
    wait: bool = option(False, "wait for another run that writes the same output, instead of ending")
    nj: int = option(len(os.sched_getaffinity(0)), "jobs of the data stages at a time", COUNT, "number of CPUs")
    inference_nj: int = option(
        len(os.sched_getaffinity(0)), "jobs of stages 7 and 8 at a time", COUNT, "number of CPUs"
    )
    ngpu: int = option(0, "GPUs of a node for training; 0 is CPU", COUNT_OR_0)
    num_nodes: int = option(1, "nodes for training", COUNT)
    gpu_inference: bool = option(False, "stage 7 on a GPU")
    dumpdir: str = option("dump", "folder of formatted data")
    expdir: str = option("exp", "folder of experiments")
    python: str = option("python3", "interpreter")
    trust: bool = option(
        False,
        "build classes from outside the toolkit for systems that options name (--sv_exp, --se_exp), which runs their "
        "code; this recipe's own experiments are trusted",
    )

    @cached_property
    def stages(self) -> list[int]:
        """The stages that run."""
        skipped = {*map(int, self.skip_stages)}
        skipped |= {1, 2, 3, 4, 5} if self.skip_data_prep else set()
        skipped |= {6} if self.skip_train else set()
        skipped |= {7, 8, 9} if self.skip_eval else set()
        skipped |= {10} if self.skip_packing else set()
        return [
            number for number in STAGES if int(self.stage) <= number <= int(self.stop_stage) and number not in skipped
        ]

    def runs(self, *numbers: int) -> bool:
        """Does one of these stages run?"""
        return not {*numbers}.isdisjoint(self.stages)

    def spans(self, first: int, last: int) -> bool:
        """Does the range from --stage to --stop_stage touch these stages, skipped or not?"""
        return int(self.stage) <= last and int(self.stop_stage) >= first

    def check_stages(self) -> None:
        """Raise InputError unless --stage and --stop_stage are numbers, in order, and name a stage."""
        if not all(re.fullmatch("[0-9]{1,9}", text) for text in (self.stage, self.stop_stage)):
            raise InputError(f"--stage {self.stage} --stop_stage {self.stop_stage}: must be numbers")
        if int(self.stage) > int(self.stop_stage):
            raise InputError(f"--stage {self.stage} comes after --stop_stage {self.stop_stage}")
        if int(self.stage) > STAGES[-1]:
            raise InputError(f"--stage {self.stage}: there are {STAGES[-1]} stages")


@dataclass
class Data(General):
    """Options of data preparation."""

    title: ClassVar[str] = "Data"
    train_set: str = option("", "set in data/ to train on", shown="")
    valid_sets: list[str] = option([], "sets in data/ that rank the models", LIST, "")
    test_sets: list[str] = option([], "sets in data/ to test on", LIST, "")
    extra_sets: list[str] = option([], "sets that mixtures draw on: noises, music, talkers", LIST)
    source_sets: list[str] = option(
        [],
        "recordings of sets with mix.jsonl, formatted as published mixtures are (untrimmed, resampled by "
        "resample_poly, 24 bits)",
        LIST,
    )
    room_sets: list[str] = option([], "sets of impulse responses", LIST)
    local_data_opts: str = option("", "options of local/data.sh; quotes join words")
    fs: int = option(16000, "rate in Hz", COUNT)
    channel: str = option("", "channel to keep of recordings with several: from 0, or mean", CHANNEL, "refuse them")
    min_wav_duration: str = option("0.1", "shortest utterance in seconds", NUMBER)
    max_wav_duration: str = option("300", "longest utterance in seconds", NUMBER)
    format_opts: str = option("", "more options of format_audio, e.g. --allow_pipes (run commands in wav.scp)")
    allow_bad: int = option(0, "number of bad utterances of a set that may be left out instead of stopping", COUNT_OR_0)


@dataclass
class Conditions(Data):
    """Options of noisy test sets."""

    title: ClassVar[str] = "Test conditions: each test set with each kind of noise at each SNR"
    test_noises: list[str] = option([], "kinds of noise", LIST)
    ood_noises: list[str] = option([], "kinds of noise out of domain", LIST)
    snrs: list[str] = option(["0", "5", "10", "15", "20"], "SNRs in dB", NUMBER)
    test_codecs: list[str] = option(
        [],
        "codecs of the planner config, e.g. opus: each test set, clean and in each condition, once more through each",
        LIST,
    )


@dataclass
class Results(Options):
    """Options of stages 8 and 9."""

    title: ClassVar[str] = "Results"
    resamples: int = option(1000, "bootstrap resamples of the intervals, 1000000 at most", COUNT_OR_0)
    results: str = option(
        "",
        "file of the table over all experiments; RESULTS.md: published by the recipe, with results.json, from which "
        "report --from makes it anew",
        shown="<expdir>/RESULTS.md",
    )
