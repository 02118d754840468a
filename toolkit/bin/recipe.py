"""Names and checks of a recipe, for its task script: options in, variables out, ``name=value`` each ended by a NUL.

ACTION is what they depend on:
  options   the options and the configs; an empty variable separates what follows from options from the rest
  data      data/, which stage 1 makes
  plan      (no variables: makes the plans of stage 3)
  dump      the dump, which stages 2 to 4 make
``log`` is a line for the run's log, ``text`` one for the terminal.

Example: python -m toolkit.bin.recipe options se --train_set train --valid_sets dev --test_sets test
"""

import sys
from collections.abc import Iterable
from dataclasses import fields

from toolkit import recipes
from toolkit.io.command_line import Parser, run
from toolkit.recipes.options import HelpRequest, UsageError, as_text
from toolkit.recipes.recipe import Recipe

parser = Parser(description=__doc__, allow_abbrev=False)
parser.add_argument("action", choices=["options", "data", "plan", "dump"])
parser.add_argument("task", choices=[name.lower() for name in recipes.__all__])


def emit(name: str, value: object) -> None:
    """Print a variable."""
    print(f"{name}={as_text(value)}", end="\0")


def emit_all(recipe: Recipe, names: Iterable[str]) -> None:
    """Print attributes of a recipe, and its messages."""
    for name in names:
        emit(name, getattr(recipe, name))
    while recipe.messages:
        emit("log", recipe.messages.pop(0))
    sys.stdout.flush()


def on_options(recipe: Recipe) -> None:
    """Check options and configs."""
    try:
        recipe.check()
    except UsageError:
        emit("text", recipe.help())
        sys.stdout.flush()
        raise
    emit_all(recipe, [*(entry.name for entry in fields(recipe)), *recipe.names])
    print(end="\0", flush=True)
    if getattr(recipe, "alphas", None):
        return  # the script runs each by itself
    recipe.check_configs()
    emit_all(recipe, recipe.checked_names)


def on_data(recipe: Recipe) -> None:
    """Check data/."""
    recipe.check_data()
    emit_all(recipe, recipe.data_names)


def on_dump(recipe: Recipe) -> None:
    """Check the dump; data/, too, where this run has not."""
    if not recipe.runs(1, 2, 3):
        recipe.check_data()
    recipe.check_dump()
    emit_all(recipe, (*recipe.data_names, *recipe.dump_names))


def main(argv=None) -> None:
    """Print the variables."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = parser.parse_args(words[:2])
    kind: type[Recipe] = getattr(recipes, args.task.capitalize())
    try:
        recipe = kind.parse(words[2:])
        if args.action == "options":
            on_options(recipe)
            return
    except HelpRequest:
        emit("text", kind.help())
        return
    if args.action == "plan":
        recipe.plan()
    else:
        {"data": on_data, "dump": on_dump}[args.action](recipe)


if __name__ == "__main__":
    sys.exit(run(main))
