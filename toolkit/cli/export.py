"""Export a trained system to an ONNX file, which runs without torch.

Example: voxsift export exp/se_train_gtcrn -o enhancer.onnx
         voxsift enhance noisy.wav -o clean.wav --model enhancer.onnx

The file holds network, front end, weights, calibration and what the verbs enhance, extract, verify, embed, calibrate
and info need to run it. Before it is written, outputs of onnxruntime are compared with those of torch: they may differ
by 1e-4 at most.
"""

import argparse

from toolkit.cli.shared.options import add_json, add_overwrite
from toolkit.io.command_line import add_trust


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift export``."""
    parser.add_argument("model", help="exp/<tag>, packed.zip, a name of 'voxsift models', or a published checkpoint")
    parser.add_argument("-o", "--output", required=True, help="file to write; its name ends in .onnx")
    parser.add_argument("--weights", help="weights file of an experiment; default: the one that training selects")
    parser.add_argument(
        "--stream",
        action="store_true",
        help="of a causal enhancer: 'enhance --stream' and 'live' take the file, too",
    )
    add_overwrite(parser)
    add_json(parser)
    add_trust(parser)


def main(args: argparse.Namespace) -> None:
    """Export."""
    from pathlib import Path

    from toolkit.cli.shared.outputs import json_text
    from toolkit.cli.shared.systems import load_named
    from toolkit.io.errors import InputError

    output = Path(args.output)
    if output.suffix != ".onnx":
        raise InputError(f"--output {output}: its name must end in .onnx")
    if output.exists() and not args.overwrite:
        raise InputError(f"{output}: is there already; give another file, or --overwrite")
    if args.model.endswith(".onnx"):
        raise InputError(f"{args.model}: is an ONNX file already; give the system that it was exported from")
    system = load_named(None, args.model, args.weights, args.trust)
    from toolkit.systems.onnx.export import export_onnx

    exported = export_onnx(system, output, args.stream)
    if args.json:
        print(json_text({"output": str(output), "task": system.task, **exported._asdict()}))
    else:
        print(
            f"{output}: {exported.network}, task {system.task}, {exported.size / 1e6:.1f} MB; largest "
            f"difference from torch {exported.difference:.1e}"
        )
