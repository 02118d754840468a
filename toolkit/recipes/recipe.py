"""Base class of the recipes: names, checks before a run, plans of mixtures."""

import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from toolkit.io.errors import InputError
from toolkit.io.files import read_text
from toolkit.recipes.common_options import Conditions, Results
from toolkit.recipes.names import is_network_alone, marks_of, warnings_of, yaml_list
from toolkit.recipes.options import UsageError, as_text
from toolkit.recipes.programs import output_of, output_once, run_all


@dataclass
class Recipe(Results, Conditions, ABC):
    """Base class of recipes: checked options, the names that follow from them, and checks before work.

    Attributes:
        task: sv, se, tse, ee, asr, ic or ssl.
        stages_help: for the usage text.
        names: attributes that the shell has as variables, beside the options.
        checked_names: those that are known when the configs are checked.
        data_names, dump_names: those that depend on data/ and on the dump, which stages make.
    """

    task: ClassVar[str]
    stages_help: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = (
        *("stages", "exp", "train_sim", "all_valid", "all_tests", "train_config", "train_args", "trusted"),
        "local_data_words",
    )
    checked_names: ClassVar[tuple[str, ...]] = ("train_args", "trained", "unmade")
    data_names: ClassVar[tuple[str, ...]] = ()
    dump_names: ClassVar[tuple[str, ...]] = ("sounds",)

    def __post_init__(self) -> None:
        self.requests: list[list[str]] = []  # programs that wait to be run
        self.trained = ""  # what of the training is done
        self.unmade: list[str] = []  # folders of systems that a dry run leaves unmade
        self.messages: list[str] = []  # for the log of the run

    @classmethod
    def help(cls) -> str:
        """The usage text."""
        call = f'{cls.task}.sh --train_set <set> --valid_sets "<sets>" --test_sets "<sets>" [options]'
        return f"Usage: ./run.sh [options]     ({call})\n\n{cls.stages_help}\n{cls.usage()}"

    def check(self) -> None:
        """Check the options and what they name, without reading configs.

        Raises:
            UsageError: sets are missing.
            InputError: an option has a wrong value, or names what is not there.
        """
        if not (self.train_set and self.valid_sets and self.test_sets):
            raise UsageError("--train_set, --valid_sets and --test_sets are needed")
        if self.test_codecs and not (self.noises and self.snrs):
            raise InputError(f"--test_codecs {as_text(self.test_codecs)}: needs --test_noises and --snrs")
        self.check_stages()
        if self.resamples > 1_000_000:
            raise InputError(f"--resamples {self.resamples}: must be 1000000 at most")
        folder = Path(self.results).parent
        if self.results and self.results != f"{self.expdir}/RESULTS.md" and not folder.is_dir():
            raise InputError(f"--results {self.results}: folder {folder} not found")
        self.results = self.results or f"{self.expdir}/RESULTS.md"
        if self.dry_run and self.runs(1):
            self.messages += warnings_of(self.local_data_words.splitlines())

    @abstractmethod
    def check_configs(self) -> None:
        """Before any work: every key of every config that the stages will read. Raises InputError, SystemExit."""

    def check_data(self) -> None:
        """Raise InputError where data/ lacks what later stages need."""

    def check_dump(self) -> None:
        """Raise InputError where the dump lacks what later stages need."""

    def plan(self) -> None:
        """Plan the mixtures of stage 3."""

    # --- names

    @property
    def train_config(self) -> str:
        """The training config."""
        return getattr(self, f"{self.task}_config")

    @property
    def train_args(self) -> str:
        """Further options of training."""
        return getattr(self, f"{self.task}_args")

    @property
    @abstractmethod
    def exp(self) -> str:
        """Folder of the experiment."""

    @property
    def train_sim(self) -> str:
        """The set that is trained on."""
        return self.train_set

    @property
    def all_valid(self) -> list[str]:
        """The validation sets of training."""
        return self.valid_sets

    @property
    def all_tests(self) -> list[str]:
        """The sets that are tested on."""
        return self.test_sets + self.grid_of(self.test_sets)

    @property
    def trained_speakers(self) -> tuple[str, str]:
        """What known_speakers compares test sets with: its option, and a file of what the option names."""
        if self.runs(6):
            return "--train_dir", f"{self.raw}/{self.train_sim}/utt2spk"
        return "--expdir", f"{self.exp}/config.yaml"

    @property
    def raw(self) -> str:
        """Folder of formatted sets."""
        return f"{self.dumpdir}/raw"

    @property
    def noises(self) -> list[str]:
        """Kinds of noise of the test conditions."""
        return self.test_noises + self.ood_noises

    def grid_of(self, sets: Iterable[str]) -> list[str]:
        """Names of the noisy and coded copies of sets."""
        copies = [f"_{kind}_{snr}" for kind in self.noises for snr in self.snrs]
        coded = [f"_{codec}{copy}" for codec in self.test_codecs for copy in ("", *copies)]
        return [f"{name}{copy}" for name in sets for copy in (*copies, *coded)]

    @property
    def known_sets(self) -> str:
        """What planner configs may name, as a YAML list."""
        return yaml_list(
            [self.train_set, *self.valid_sets, *self.test_sets, *self.extra_sets, *self.source_sets, *self.room_sets]
        )

    @property
    def local_data_words(self) -> str:
        """The words of --local_data_opts, a line each; quotes join words as in the shell."""
        try:
            words = shlex.split(self.local_data_opts)
        except ValueError as error:
            hint = "close it, or put a backslash before it"
            raise InputError(f"--local_data_opts {self.local_data_opts}: {error}; {hint}") from None
        return "\n".join(words)

    @property
    def trusted(self) -> list[str]:
        """--trust, or nothing."""
        return ["--trust"] if self.trust else []

    @property
    def sounds(self) -> list[str]:
        """Marks of the sets that training may draw on: those of options, and those that its config names."""
        named = re.split(r"[^A-Za-z0-9_.-]+", f"{read_text(self.train_config)} {self.train_args}")
        sets = {*self.extra_sets, *self.source_sets, *self.room_sets, *named} - {""}
        return [mark for name in sorted(sets) for mark in marks_of(f"{self.raw}/{name}")]

    # --- checks

    def later(self, remedy: str, *words: str) -> None:
        """Queue a check: a program and its words; ``remedy`` ends its message if it fails."""
        self.requests.append([remedy, *words])

    def run_checks(self, name: str = "") -> dict[str, str]:
        """Run the queue, unless that was done for this experiment; what is printed as ``key: value``."""
        requests, self.requests = self.requests, []
        mark = Path(self.exp).with_name(f".{Path(self.exp).name}{name}.checked")
        text = output_of(requests) if self.dry_run else output_once(requests, mark) if requests else ""
        lines = (line.partition(": ") for line in reversed(text.splitlines()))
        answers = {key: value for key, _, value in lines}
        self.trained = answers.get("trained", self.trained)
        return answers

    def check_training(self, train_dir: str, valid_dirs: list[str]) -> None:
        """Queue the check of the training."""
        config, args = self.train_config, self.train_args
        words = ["--train_dir", train_dir, "--valid_dirs", yaml_list(valid_dirs), "--expdir", self.exp]
        keys = f', or --{self.task}_args "{args}" ("--<key> <value> ...")' if args else ""
        self.later(
            f"fix {config}{keys}; {self.python} -m toolkit.bin.train {self.task} --help lists the keys",
            *("train", self.task, "--config", config),
            *(words if self.runs(6) else []),
            *(*args.split(), "--known_sets", self.known_sets, "--check"),
        )

    def check_plan(self, config: str, remedy: str = "", options: Iterable[str] = ()) -> None:
        """Queue the check of a planner config: its keys and what it names."""
        place = ("--data", f"{self.raw}/{self.train_set}", "--out_root", "data", "--name", "check", "--check")
        self.later(remedy, "simulate_plan", "--config", config, *place, *options, "--known_sets", self.known_sets)

    def check_grid(self, config: str) -> None:
        """Queue the check of the config of the test conditions."""
        noises = " ".join(
            f"--{name} {as_text(getattr(self, name))}" for name in ("test_noises", "ood_noises", "snrs", "test_codecs")
        )
        self.check_plan(config, f"fix {noises}, or {config}", self._grid_options())

    def _grid_options(self) -> list[str]:
        codecs = ["--codecs", yaml_list(self.test_codecs)] if self.test_codecs else []
        return ["--snrs", yaml_list(self.snrs), "--kinds", yaml_list(self.noises), *codecs]

    def check_system(self, option_name: str, task: str, options: Iterable[str] = (), hint: str = "") -> None:
        """Queue the check of a system that an option names."""
        system = getattr(self, option_name)
        words = ("check_network", task, "--model", system, *options, *self.trusted)
        self.later(f"fix --{option_name} {system}{hint}", *words)

    def make_system(self, config: str, folder: str, task: str = "sv") -> list[str]:
        """Make the folder of a system that needs no training; what a dry run leaves unmade."""
        if self.dry_run:
            return [] if Path(folder, "config.yaml").is_file() else [folder]
        made = [f"{folder}/config.yaml", f"{folder}/valid.{'eer' if task == 'sv' else 'loss'}.ave.pth"]
        request = ["", "check_network", task, "--config", config, "--whole", made[0]]
        output_once([request], Path(folder, ".done.config"), outputs=made)
        return []

    def check_experiment(self) -> None:
        """Raise InputError where the experiment is used and not trained by this run, and is not there.

        That of a config without training, such as a published system, is made here.
        """
        if self.runs(6) or not self.runs(7, 8, 9, 10):
            return
        if is_network_alone(self.train_config):
            self.unmade += self.make_system(self.train_config, self.exp, self.task)
            return
        if Path(self.exp, "config.yaml").is_file():
            return
        others = sorted(str(path.parent) for path in Path(self.expdir).glob(f"{self.task}_*/config.yaml"))
        same = " or ".join([f"--{self.task}_tag, --{self.task}_config", f"--{self.task}_args"])
        raise InputError(
            f"{self.exp}: no such experiment; train it first (stage 6), or give {same} as in its training; there are: "
            f"{' '.join(others) or 'none'}"
        )

    def check_inference_model(self, name: str, metric: str) -> None:
        """Raise InputError unless weights are there, or are what training leaves."""
        usual = rf"(valid[.]{metric}[.](ave|best)|epoch[0-9]+)[.]pth"
        if self.runs(6) and not Path(self.exp, name).exists() and not re.fullmatch(usual, name):
            choices = f"valid.{metric}.ave.pth, valid.{metric}.best.pth or epoch<n>.pth"
            raise InputError(f"--inference_model {name}: must be {choices}")

    def check_breakdown(self, words: list[str], known: tuple[str, ...], root: str, sets: list[str]) -> None:
        """Raise InputError unless words name groups of all tasks, ``known``, or tables of the sets in a root."""
        for word in (word for word in words if word not in ("duration", *known)):
            if not re.fullmatch("gender|spk2.+|utt2.+", word):
                more = f", {' '.join(known)}" if known else ""
                tables = "a table of the test sets, spk2<x> or utt2<x>"
                raise InputError(f"--breakdown {word}: must be gender, duration{more}, or {tables}")
            for path in (Path(root, name) for name in sets):
                table = path / re.sub("^gender", "spk2gender", word)
                if path.is_dir() and not table.is_file():
                    raise InputError(f"--breakdown {word}: {table}: table not found")

    def check_trials(self, root: str, sets: Iterable[str]) -> None:
        """Check that the trials of sets name known ids and are of both kinds."""
        dirs = [f"{root}/{name}" for name in dict.fromkeys(sets)]
        if dirs and not self.dry_run:
            run_all([["", "make_trials", "--check", *dirs]])

    def warn_of_known_speakers(self, more_sets: Iterable[str] = ()) -> None:
        """Warn of test sets with speakers of the training set, or of the experiment's."""
        sets = [f"{self.raw}/{name}" for name in (*self.all_tests, *more_sets)]
        sets = [path for path in sets if Path(path, "utt2spk").is_file()]
        kind, path = self.trained_speakers
        if self.runs(6, 8) and sets and Path(path).exists() and not self.dry_run:
            run_all([["", "known_speakers", kind, str(Path(path).parent), "--sets", *sets]])

    # --- stage 3

    def queue_plan(self, config: str, source: str, name: str, options: Iterable[str] = ()) -> None:
        """Queue the plan of data/<name> from the mixtures of a set."""
        if self.dry_run:
            print(f"    plan: data/{name}")
        words = ["--data", f"{self.raw}/{source}", "--out_root", "data", "--name", name, *options]
        self.later("", "simulate_plan", *(["--config", config] if config else []), *words)

    def queue_grid(self, config: str, source: str, options: Iterable[str] = ()) -> None:
        """Queue the plans of the noisy copies of a set."""
        self.queue_plan(config, source, source, [*self._grid_options(), *options])

    def run_plans(self, sets: Iterable[str], deps: Iterable[str] = ()) -> None:
        """Run the queue of plans, which make these sets, unless that was done."""
        if self.requests and not self.dry_run:
            formatted = sorted(map(str, Path(self.raw).glob("*/.done.format")))
            outputs = [f"data/{name}" for name in sets]
            print(output_once(self.requests, Path("data/.plans"), [*formatted, *deps], outputs), end="")
