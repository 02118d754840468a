"""Use trained systems at the command line: verification, enhancement, extraction."""

import argparse
import importlib
import pkgutil
import sys
from types import ModuleType

import toolkit
import toolkit.cli
from toolkit.io.command_line import Parser, run


def verbs() -> dict[str, ModuleType]:
    """Name of each verb -> its module: every module of this folder but main; ``shared`` has what several verbs use.

    The docstring of the module is its help. ``add_arguments(parser)`` adds the options; ``main(args)`` does the work
    and imports slow modules.
    """
    names = (module.name for module in pkgutil.iter_modules(toolkit.cli.__path__) if not module.ispkg)
    return {name: importlib.import_module(f"toolkit.cli.{name}") for name in names if name not in ("main", "__main__")}


def get_parser() -> argparse.ArgumentParser:
    """Options of ``voxsift`` without a verb."""
    known = verbs()
    lines = [f"  {name:12}{str(module.__doc__).partition(chr(10))[0]}" for name, module in known.items()]
    epilog = "\n".join(["verbs (voxsift VERB --help explains one):", *lines])
    parser = Parser(prog="voxsift", usage="voxsift VERB ...", description=__doc__, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"voxsift {toolkit.__version__}")
    parser.add_argument("verb", metavar="VERB", choices=list(known), help="what to do")
    return parser


def verb_parser(name: str, module: ModuleType) -> argparse.ArgumentParser:
    """Options of ``voxsift NAME``."""
    parser = Parser(prog=f"voxsift {name}", description=module.__doc__)
    module.add_arguments(parser)
    return parser


def _main(argv: list[str] | None = None) -> None:
    words = sys.argv[1:] if argv is None else argv
    known = verbs()
    if not words or words[0] not in known:
        get_parser().parse_args(words)  # exits: --help, --version, or an unknown verb
    module = known[words[0]]
    module.main(verb_parser(words[0], module).parse_args(words[1:]))


def main(argv: list[str] | None = None) -> int:
    """Run a verb; returns the exit code."""
    return run(_main, argv)
