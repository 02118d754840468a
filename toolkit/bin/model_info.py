"""Size and cost of a config's network, as JSON.

``parameters`` counts the deployed network, ``parameters_training`` the classifier of the loss too (for --speakers
classes). ``macs`` is exact, of the encoder on features; ``macs_thop`` follows the thop package
(toolkit.metrics.complexity says how they differ).
"""

import argparse
import json
import sys

from toolkit.bin.cli import Parser, run


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.model_info``."""
    parser = Parser(description=__doc__)
    parser.add_argument("--config", required=True, help="training config")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the input")
    parser.add_argument("--fs", type=int, default=None, help="rate in Hz, default the front end's")
    parser.add_argument("--speakers", type=int, default=1211, help="classes of the training loss (1211: VoxCeleb1 dev)")
    return parser


def main(argv=None) -> None:
    """Measure and print."""
    args = get_parser().parse_args(argv)
    import torch

    from toolkit.metrics.complexity import count_macs, count_macs_thop, count_parameters, profile
    from toolkit.tasks.sv_experiment import build_embedder, build_loss

    embedder = build_embedder(args.config, fs=args.fs).eval()
    loss = build_loss(args.config)
    loss.setup(embedder.model.embedding_dim, args.speakers)
    wav = 0.01 * torch.randn(1, round(args.seconds * embedder.frontend.fs), generator=torch.Generator().manual_seed(0))
    info = profile(embedder, (wav,), args.seconds)
    # Published counts are of the network on features, so the front end's filters are left out.
    feats = embedder.frontend(wav)
    info |= {"macs": count_macs(embedder.model, feats), "macs_thop": count_macs_thop(embedder.model, feats)}
    info["parameters_training"] = info["parameters"] + count_parameters(loss)
    info["fs"] = embedder.frontend.fs
    print(json.dumps(info, indent=1))


if __name__ == "__main__":
    sys.exit(run(main))
