"""Target speaker extraction: options of ``tse.sh``, names of its sets and folders, checks before it runs."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError, counted
from toolkit.recipes.mixtures import condition_of, is_planned
from toolkit.recipes.names import marks_of
from toolkit.recipes.options import COUNT, FILE, FOLDER, LIST, POSITIVE, option
from toolkit.recipes.real import RealRecordings
from toolkit.simulate.mix_conf import enrolment_dirs


@dataclass
class Tse(RealRecordings):
    """The recipe."""

    title: ClassVar[str] = "Extraction"
    task: ClassVar[str] = "tse"
    stages_help: ClassVar[str] = """\
Target speaker extraction: what one enrolled speaker says in a mixture.
Stages
  1 data preparation (local/data.sh)    6 training
  2 format: dump/raw                    7 inference: audio of every test mixture
  3 simulation of mixtures              8 scoring: metrics with intervals over speakers
  4 embeddings of enrolments            9 report: exp/RESULTS.md, report.html
  5 statistics of the training set     10 pack the model
"""
    names: ClassVar[tuple[str, ...]] = (*RealRecordings.names, "system", "condition", "verifier")
    checked_names: ClassVar[tuple[str, ...]] = (*RealRecordings.checked_names, "embedded")
    data_names: ClassVar[tuple[str, ...]] = (*RealRecordings.data_names, "noisy_enrolments")
    dump_names: ClassVar[tuple[str, ...]] = (*RealRecordings.dump_names, "absent", "embedded_sets", "real_groups")

    fs: int = option(8000, "rate in Hz", COUNT)
    tse_config: str = option("conf/train_sefpnet.yaml", "training config", FILE)
    tse_args: str = option("", 'more options of train tse, e.g. "--trainer.epochs 3"')
    tse_tag: str = option("", "name of the experiment: exp/tse_<tag>", FOLDER, "from config and args")
    enroll_from: str = option("", "set of the enrolments", shown="the set that the mixtures are made of")
    enroll_lengths: list[str] = option(
        [], 'lengths in s, e.g. "1 2 4": also extract with the beginning of the enrolments alone', POSITIVE
    )
    simulate_enroll_config: str = option(
        "",
        "planner config conf/simulate_<condition>.yaml; makes <set>_<condition> of the test sets, of planned ones of "
        "the sets that their enrolments are from (of --enroll_from if given): also extract with these enrolments",
        FILE,
    )
    simulate_train_enroll_config: str = option(
        "",
        "the same of the training set, <train_set>_enroll, for a training that enrols with it: "
        '--tse_args "--data.init_args.enroll_from [train_enroll]"',
        FILE,
    )
    absent: bool = option(True, "also enrol speakers who are not in the mixture, and score the energy of the output")
    metrics: list[str] = option(
        ["si_sdr", "sdr", "pesq_nb", "stoi", "estoi", "tsos"],
        "metrics of the tables (see score_audio); with --sv_exp also the cosine between output and enrolment; "
        "dnsmos_sig dnsmos_bak dnsmos_ovrl need tools/install.sh --extras dnsmos",
        LIST,
    )

    # --- names

    @property
    def condition(self) -> str:
        """Name of the noise in enrolments, or empty."""
        return condition_of(self.simulate_enroll_config) if self.simulate_enroll_config else ""

    @property
    def embedded(self) -> str:
        """Folder of the embeddings that the network reads, if it reads any."""
        return f"{self.dumpdir}/embed/{self.extractor}" if self.reads_embeddings else ""

    @property
    def train_args(self) -> str:
        """Further options of training; where the network reads embeddings, those that stage 4 makes."""
        args = self.tse_args
        if self.reads_embeddings:
            args += f" --data.init_args.embeddings {self.embedded}"
            if self.sv_exp or Path(self.raw_exp, "config.yaml").is_file():
                encoder = "--model.init_args.speaker_encoder"  # of the size of its embeddings; in use it makes them
                args += f" --model.init_args.embedding_dim null {encoder} toolkit.systems.TrainedEmbedder"
                args += f" {encoder}.init_args.system {self.system}"
        return args

    @cached_property
    def enrolling(self) -> list[str]:
        """The sets that --simulate_enroll_config is for."""
        if not self.condition:
            return []
        sets = [name for name in self.enroll_from.split() or self.test_sets if not is_planned(name)]
        if not self.enroll_from:
            planned = [name for name in self.test_sets if is_planned(name)] + self.planned_test_sets
            sets += [Path(folder).name for name in planned for folder in enrolment_dirs(Path("data", name))]
        if not sets:
            option_text = f"--simulate_enroll_config {self.simulate_enroll_config}"
            raise InputError(f"{option_text}: name the set of the enrolments by --enroll_from")
        return list(dict.fromkeys(sets))

    @property
    def planned_enrolments(self) -> list[str]:
        """Sets of noisy enrolments."""
        train = [f"{self.train_set}_enroll"] if self.simulate_train_enroll_config else []
        return train + self.noisy_enrolments

    @property
    def noisy_enrolments(self) -> list[str]:
        """Those of test sets."""
        return [f"{name}_{self.condition}" for name in self.enrolling]

    @property
    def embedded_sets(self) -> list[str]:
        """The sets of all utterances that may enrol in training."""
        if not (self.sv_exp or self.extractor_config):
            return []
        own = enrolment_dirs(Path(self.raw, self.train_sim))
        train = [f"{self.train_set}_enroll"] if self.simulate_train_enroll_config else []
        return [*([Path(folder).name for folder in own] or [self.train_sim]), *train]

    # --- checks

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reads_embeddings = False  # by its config, which check_configs reads

    def check(self) -> None:
        """Check the options."""
        super().check()
        places = (Path("data", self.enroll_from), Path(self.raw, self.enroll_from))
        if int(self.stage) > 1 and self.enroll_from and not any(path.is_dir() for path in places):
            known = " ".join(sorted(path.name for path in Path("data").glob("*") if path.is_dir()))
            raise InputError(f"--enroll_from {self.enroll_from}: no such set; there are: {known}")
        if int(self.stage) > 3 and self.runs(7, 8):
            for path in (Path(self.raw, name) for name in self.noisy_enrolments):
                if not path.is_dir():
                    hint = "stage 3 makes it (--stage 3)"
                    raise InputError(
                        f"--simulate_enroll_config {self.simulate_enroll_config}: {path} not found; {hint}"
                    )

    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read."""
        self.check_weights(self.inference_model, "loss")
        if self.sv_exp and self.runs(7, 8):
            hint = ", an experiment in speaker verification, e.g. ../sv/exp/sv_<x>, or its packed.zip"
            self.check_system("sv_exp", "sv", hint=hint)
        self.check_real()
        self._check_embeddings()
        self.check_audio((self.simulate_enroll_config, self.simulate_train_enroll_config))

    def _check_embeddings(self) -> None:
        """Find out whether the network reads embeddings; check what makes them."""
        if not (self.sv_exp or self.extractor_config) or not self.spans(4, 6):
            return
        args = self.tse_args
        remedy = f"fix {self.tse_config}" + (f', or --tse_args "{args}"' if args else "")
        # Weights of another experiment may hold the encoder's.
        words = ("train", "tse", "--config", self.tse_config, *args.split(), "--init_from", "null", "--check")
        self.later(remedy, *words)
        if "embedding" not in self.run_checks(".encoder").get("streams", "").split():
            return
        self.check_extractor("valid.eer.ave.pth")
        self.run_checks(".extractor")
        self.reads_embeddings = True
        self.unmade += self.make_extractor()

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks what later stages need; drop --absent if a set cannot have it."""
        super().check_dump()
        if self.runs(7, 8) and self.absent:
            self.absent = all(map(self._can_be_absent, self.all_tests))
        self.warn_of_known_speakers(self.real_sets)

    def _can_be_absent(self, name: str) -> bool:
        """Does every mixture leave a target of its set out, who can be enrolled instead?"""
        folder = Path(self.raw, name)
        if self.dry_run and not folder.is_dir():
            return True
        talkers = len([*folder.glob("spk[0-9]*.scp")])
        speakers = len(set(read_table(folder / "utt2spk").values()))
        if speakers <= talkers:
            self.messages.append(
                f"--absent is left out: {name} has {counted(speakers, 'speaker')} in mixtures of {talkers}"
            )
        return speakers > talkers

    # --- stage 3

    def plan(self) -> None:
        """Plan the enrolments and the mixtures of stage 3."""
        if self.simulate_train_enroll_config:
            self.queue_plan(self.simulate_train_enroll_config, self.train_set, f"{self.train_set}_enroll")
        for name in self.enrolling:
            self.queue_plan(self.simulate_enroll_config, name, f"{name}_{self.condition}")
        source = ["--enroll_from", f"{self.raw}/{self.enroll_from}"] if self.enroll_from else []
        made = self.queue_mixtures(["--enroll", "draw", *source], ["--enroll", "fixed", *source])
        self.run_plans(made, marks_of(f"{self.raw}/{self.enroll_from or 'none'}"))
