"""Size and cost of a config's network, as JSON; configs of all tasks.

``parameters`` counts the deployed network, ``parameters_training`` the classifier of a verification loss too (for
--speakers classes). ``macs`` (multiply-accumulates of an input of ``seconds``) is exact, ``macs_thop`` follows the thop
package (toolkit.metrics.cost.complexity says how they differ); of verification both are of the encoder on features.
``rtf_1thread`` is seconds of work a second of audio on one thread, ``peak_memory_mib`` what inference adds, in MiB.
"""

import argparse
import json
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_trust, rate, real_number, run, whole_number
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.io.trust import NETWORK_KEYS, check_classes


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.network_info``."""
    parser = Parser(description=__doc__)
    parser.add_argument("--config", required=True, help="training config, or an experiment's folder")
    parser.add_argument("--seconds", type=real_number(0.1, 3600), default=3.0, help="length of the input")
    parser.add_argument("--fs", type=rate, default=None, help="rate in Hz, default the front end's")
    parser.add_argument(
        "--speakers",
        type=whole_number(1, 10**6),
        default=1211,
        help="classes of the training loss (1211: VoxCeleb1 dev)",
    )
    add_trust(parser)
    return parser


def verification(args: argparse.Namespace) -> dict:
    """Of a speaker encoder behind its front end."""
    from toolkit.metrics.cost.complexity import count_macs, count_macs_thop, count_parameters, noise, profile
    from toolkit.tasks.verification.spec import build_embedder, build_loss

    embedder = build_embedder(args.config, fs=args.fs).eval()
    loss = build_loss(args.config)
    loss.setup(embedder.model.embedding_dim, args.speakers)
    wav = noise(args.seconds, embedder.frontend.fs)
    info = profile(embedder, (wav,), args.seconds)
    # Published counts are of the network on features, so the front end's filters are left out.
    feats = embedder.frontend(wav)
    info |= {"macs": count_macs(embedder.model, feats), "macs_thop": count_macs_thop(embedder.model, feats)}
    info["parameters_training"] = info["parameters"] + count_parameters(loss)
    return {**info, "fs": embedder.frontend.fs}


def signal(args: argparse.Namespace, kind) -> dict:
    """Of an enhancer, or of an extractor with an enrolment as long as the mixture."""
    from toolkit.metrics.cost.complexity import noise, profile
    from toolkit.tasks.enhancement.spec import EXTRACTION, build_model

    model = build_model(args.config, kind).eval()
    if args.fs not in (None, model.fs):
        raise InputError(f"--fs {args.fs}: {args.config} is for {model.fs} Hz; its own model.init_args.fs says so")
    inputs = (noise(args.seconds, model.fs),) * (2 if kind is EXTRACTION else 1)
    return {**profile(model, inputs, args.seconds), "fs": model.fs}


def main(argv=None) -> None:
    """Measure and print."""
    args = get_parser().parse_args(argv)
    if Path(args.config).is_dir():  # an experiment
        args.config = str(Path(args.config) / "config.yaml")
    config = load_config(args.config)
    if not config.get("model"):
        raise InputError(f"{args.config}: names no model; a training config is wanted, conf/train_<x>.yaml")
    if not args.trust:
        check_classes(config, args.config, (*NETWORK_KEYS, "loss"))
    from toolkit.tasks.enhancement.spec import kind_of

    kind = kind_of(args.config)
    print(json.dumps(verification(args) if kind is None else signal(args, kind), indent=1))


if __name__ == "__main__":
    sys.exit(run(main))
