"""Describe a trained system: task, network, size, cost, rate, training, calibration, and its model card.

Example: voxsift info exp/sv_train_ecapa_fbank
         voxsift info packed.zip --json
"""

import argparse
import json
from pathlib import Path

from toolkit.io.command_line import add_trust


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift info``."""
    parser.add_argument(
        "model",
        help="exp/<tag>, packed.zip, an ONNX file, hf:owner/name, a name of 'voxsift models', a published checkpoint",
    )
    parser.add_argument("--weights", help="weights file of the experiment; default: the one that training selects")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_trust(parser)


def main(args: argparse.Namespace) -> None:
    """Print the description."""
    from toolkit.cli.shared.systems import load_named

    if args.trust and (Path(args.model) / "config.yaml").is_file():
        from toolkit.tasks import registry

        registry.of_experiment(args.model, trust=True)  # the task may be registered outside the toolkit
    system = load_named(None, args.model, args.weights, args.trust)
    print(json.dumps(system.info(), indent=1) if args.json else system)
