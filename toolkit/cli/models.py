"""List the models that --model takes by name.

Example: voxsift models
         voxsift models --json
"""

import argparse

from toolkit.cli.shared.options import add_json

VERBS = {"sv": "verify embed calibrate", "se": "enhance", "tse": "extract", "ee": "embed", "asr": "transcribe"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift models``."""
    add_json(parser)


def main(args: argparse.Namespace) -> None:
    """Print the models; the first of a task is what its verbs use by default."""
    from toolkit.cli.shared.outputs import json_text
    from toolkit.systems.named import named_models, not_installed

    models = named_models()
    if args.json:
        print(json_text([model._asdict() | {"path": model.path and str(model.path)} for model in models]))
        return
    for model in models:
        print(f"{model.name:24} {model.task:4} {VERBS.get(model.task, ''):24} {model.note}")
    for model, remedy in not_installed():
        print(f"{model.name:24} {model.task:4} {VERBS.get(model.task, ''):24} not installed: {remedy}")
