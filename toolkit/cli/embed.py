"""Embed the voices of recordings: a vector of each, as a Kaldi ark or as JSON.

Example: voxsift embed recordings/ -o embeddings/
         voxsift embed a.wav --json

The folder gets embedding.ark, embedding.scp (ids are those of a table, or paths without extension) and
embedding_conf.yaml, as stage 7 of a recipe writes them. Vectors have unit length, unless --enhance_by changes them. A
recording of more than two minutes is embedded in parts; its vector is their mean. A bad recording does not stop the
others.
"""

import argparse

from toolkit.cli.shared.options import add_channel, add_inputs, add_json, add_overwrite, add_system
from toolkit.io.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift embed``."""
    add_inputs(parser)
    parser.add_argument("-o", "--output", help="folder of the embeddings")
    parser.add_argument("--enhance_by", metavar="MODEL", help="system that enhances embeddings (task ee)")
    add_overwrite(parser)
    add_json(parser)
    add_channel(parser, "channels must be equal")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Embed."""
    from pathlib import Path

    from toolkit.cli.shared.failures import Failures
    from toolkit.cli.shared.inputs import inputs_of, readable, with_ids
    from toolkit.cli.shared.outputs import json_text
    from toolkit.cli.shared.systems import load_system
    from toolkit.io.progress import progress

    if not (args.output or args.json):
        raise InputError("--output or --json is missing: nothing would be kept")
    scp = Path(args.output or ".") / "embedding.scp"
    if args.output and scp.exists() and not args.overwrite:
        raise InputError(f"{scp}: is there already; give another folder, or --overwrite")
    inputs, vectors = with_ids(inputs_of(args.inputs)), {}
    failures = Failures(inputs)
    verifier = load_system("sv", args)
    with readable(inputs) as recordings, progress(len(inputs), "embed", "recordings") as bar:
        for recording in recordings:
            with failures.of(recording):
                blocks = recording.blocks_at(verifier.fs, verifier.block_seconds, args.channel)
                vectors[recording.key] = verifier.embed_blocks(blocks, f"{recording.name}: the recording")
            bar.update()
    if not vectors:
        failures.check()
    if args.enhance_by:
        vectors = _enhanced(vectors, verifier, args)
    if args.output:
        _write(Path(args.output), vectors, verifier, args.enhance_by)
    if args.json:
        facts = {"extractor": verifier.identity, "enhanced_by": args.enhance_by, "errors": failures.messages}
        print(json_text(facts | {"embeddings": vectors}))
    else:
        print(scp)
    failures.check()


def _enhanced(vectors: dict, verifier, args) -> dict:
    from toolkit.cli.shared.systems import load_named

    enhancer = load_named("ee", args.enhance_by, None, args.trust)
    enhancer.check_extractor(verifier.identity, "--model")
    return dict(zip(vectors, enhancer.enhance(list(vectors.values()), list(vectors)), strict=True))


def _write(folder, vectors: dict, verifier, enhanced_by: str | None) -> None:
    """Ark, scp, and what made them; the scp comes last, and never lists an ark of another run."""
    from toolkit.io.ark import ArkWriter
    from toolkit.io.datadir import write_table
    from toolkit.io.extractors import write_extractor

    (folder / "embedding.scp").unlink(missing_ok=True)
    with ArkWriter(folder / "embedding.ark") as ark:
        for key, vector in vectors.items():
            ark.write(key, vector)
    write_extractor(folder, verifier.identity | ({"enhanced_by": enhanced_by} if enhanced_by else {}))
    write_table(folder / "embedding.scp", ark.scp)
