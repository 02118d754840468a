"""Kinds of tasks: the single list for programs, packing, reports and recipes."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.io.config import load_config
from toolkit.io.errors import InputError, nearest
from toolkit.io.files import read_json
from toolkit.systems.kinds import register_system, system_class, task_of


@dataclass(frozen=True)
class TaskSpec:
    """A kind of task. Its parts are given by place (``module:Class``), and imported when they are needed.

    Your own task is a TaskSpec in your module. Use its place, ``my_package.my_task:SPEC``, wherever a task is named,
    also as ``task:`` of a config.

    Attributes:
        name: as you type it.
        title: in a few words.
        task: subclass of toolkit.tasks.base.Task: config keys, training, validation.
        infer, score: modules (or classes) with ``main(argv)``, the programs of stages 7 and 8.
        report: of the page, with ``add_arguments(parser)`` and ``write(args, command)``.
        outputs: folder of an experiment that stage 7 writes to.
        system: subclass of toolkit.systems.base.System: the trained network as an object; empty for those of the
            toolkit's own tasks (toolkit.systems.kinds).

    Example::

        SPEC = TaskSpec("toy", "a toy", "my_toy:ToyTask", "my_toy_infer", "my_toy_score", "my_toy_report",
            system="my_toy:Toy")
    """

    name: str
    title: str
    task: str
    infer: str
    score: str
    report: str
    outputs: str = "outputs"
    system: str = ""

    def load(self, part: str):
        """The class or the module of a part; ``part`` is the attribute's name.

        Raises:
            InputError: it cannot be imported.
        """
        if part == "system":
            return system_class(self.name)
        return _import(getattr(self, part), f"task {self.name}: {part}")


def _import(place: str, what: str):
    module, _, name = place.partition(":")
    try:
        imported = importlib.import_module(module)
        return getattr(imported, name) if name else imported
    except (ImportError, AttributeError) as error:
        raise InputError(f"{what} {place}: cannot be imported ({error})") from None


_SPECS: dict[str, TaskSpec] = {}


def register(spec: TaskSpec) -> TaskSpec:
    """Add a kind of task; InputError if another has its name."""
    if _SPECS.setdefault(spec.name, spec) != spec:
        raise InputError(f"task {spec.name}: is registered already; choose another name")
    return spec


def get(name: str) -> TaskSpec:
    """The kind of task of this name, or at this place (``module:SPEC``, which is imported: its code runs).

    Raises:
        InputError: the name is unknown, or the place cannot be imported.
    """
    if name in _SPECS:
        return _SPECS[name]
    if ":" not in name:
        raise InputError(
            f"task {name}: unknown{nearest(name, _SPECS)}; use {', '.join(_SPECS)}, or the place of your own, "
            "my_package.my_task:SPEC"
        )
    spec = _import(name, "task")
    if not isinstance(spec, TaskSpec):
        raise InputError(f"task {name}: must be a TaskSpec, is {type(spec).__name__}")
    register_system(name, spec.system)
    return replace(spec, name=name)  # as a config must name it


def of_command_line(words: Sequence[str], description: str) -> tuple[TaskSpec, list[str]]:
    """The kind of task of a command line, and the remaining words.

    The first word names it, unless it is an option; else ``--task``, ``task:`` of the ``--config`` files, or the
    experiment of ``--model`` or ``--expdir``. With --help alone the description is printed.

    Raises:
        InputError: nothing names it; lists the known tasks. Or an experiment names a task from outside the toolkit
            without ``--trust``.
    """
    words = list(words)
    if words and not words[0].startswith("-"):
        return get(words[0]), words[1:]
    if {"-h", "--help"} & {*words}:
        program = getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", "<program>")
        usage = f"usage: python -m {program} {{{','.join(_SPECS)},module:SPEC}} [options]"
        print(f"{usage}\n\n{description.strip()}\n\nOptions: <task> --help")
        raise SystemExit(0)
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("--task", "--model", "--expdir"):
        options.add_argument(name)
    options.add_argument("--config", action="append", default=[])
    try:
        args, _ = options.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise InputError(f"{error}; see --help") from None
    config_tasks = [task for config in map(load_config, args.config) if (task := config.get("task"))]
    if args.task or config_tasks:
        return get(str(args.task or config_tasks[-1])), words
    if folder := args.model or args.expdir:
        return of_experiment(folder, trust="--trust" in words), words
    raise InputError(f"the first word must name the kind of task: {', '.join(_SPECS)}; then come options, see --help")


def of_experiment(path, trust: bool = False) -> TaskSpec:
    """The kind of task of an experiment's folder, by its config.

    Args:
        path: the folder.
        trust: import a task from outside the toolkit, whose code runs.

    Raises:
        InputError: it has no config, the config does not name a task, or the task is from outside and not trusted.
    """
    config = Path(path) / "config.yaml"
    task = (task_of(load_config(config)) if config.is_file() else None) or _task_by_scores(Path(path))
    if task is None:
        raise InputError(f"{config}: does not tell its task; name it as the first word ({', '.join(_SPECS)})")
    if task not in _SPECS and not trust:
        raise InputError(f"{config}: task {task[:100]!r} is not of the toolkit; use --trust if you trust its author")
    return get(task)


def _task_by_scores(expdir: Path) -> str | None:
    """The task of a folder that holds scores and no config."""
    if any(expdir.glob("scores*/*/metrics.json")):
        return "sv"
    for path in expdir.glob("scores*/*/result.json"):
        metrics = read_json(path, "score this set again").get("metrics")
        if isinstance(metrics, dict) and "wer" in metrics:
            return "asr"
        return "tse" if (expdir / get("tse").outputs).is_dir() else "se"
    return None


_AUDIO = ("toolkit.bin.score_audio", "toolkit.tasks.enhancement.audio_report")
for _spec in (
    TaskSpec(
        "sv",
        "speaker verification",
        "toolkit.tasks.verification.verification_task:VerificationTask",
        "toolkit.bin.embed_utterances",
        "toolkit.bin.score_trials",
        "toolkit.tasks.verification.trial_report",
        "embeddings",
    ),
    TaskSpec(
        "se",
        "speech enhancement",
        "toolkit.tasks.enhancement.enhancement_task:EnhancementTask",
        "toolkit.bin.enhance_audio",
        *_AUDIO,
        "enhanced",
    ),
    TaskSpec(
        "tse",
        "target speaker extraction",
        "toolkit.tasks.enhancement.extraction_task:ExtractionTask",
        "toolkit.bin.extract_audio",
        *_AUDIO,
        "extracted",
    ),
    TaskSpec(
        "ee",
        "enhancement of speaker embeddings",
        "toolkit.tasks.embedding.embedding_task:EmbeddingTask",
        "toolkit.bin.enhance_embeddings",
        "toolkit.bin.score_trials",
        "toolkit.tasks.embedding.embedding_report",
        "embeddings",
    ),
    TaskSpec(
        "asr",
        "speech recognition",
        "toolkit.tasks.recognition.recognition_task:RecognitionTask",
        "toolkit.bin.transcribe_audio",
        "toolkit.bin.score_text",
        "toolkit.tasks.recognition.text_report",
        "transcripts",
    ),
    TaskSpec(
        "ic",
        "intent classification",
        "toolkit.tasks.intent.intent_task:IntentTask",
        "toolkit.bin.classify_intents",
        "toolkit.bin.score_intents",
        "toolkit.tasks.intent.intent_report",
        "intents",
    ),
    TaskSpec(
        "ssl",
        "self-supervised speech representations",
        "toolkit.tasks.representation.representation_task:RepresentationTask",
        "toolkit.bin.predict_units",
        "toolkit.bin.score_units",
        "toolkit.tasks.representation.representation_report",
        "predictions",
    ),
):
    register(_spec)
