"""Enhance speaker embeddings with a trained system: an scp of them, or those of data dirs as a job.

Example: python -m toolkit.bin.enhance_embeddings --model exp/ee_x --embeddings xvectors.scp --output enhanced

The arks may come from another toolkit; they hold vectors (D,), or matrices with a row for each segment. The noise that
a diffusion model adds depends on --seed and the id, so an embedding is the same in every batch and job.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from toolkit.io.ark import ArkWriter
from toolkit.io.command_line import Parser, add_job_arguments, add_network_choice, is_job, positive_int, run, seed
from toolkit.io.datadir import read_table, write_table
from toolkit.io.embeddings import read_rows
from toolkit.io.errors import InputError, counted
from toolkit.io.extractors import read_extractor, write_extractor
from toolkit.io.jobs import ark_path, read_work, write_job_tables
from toolkit.io.progress import progress
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer

_STEM = "embedding"


parser = Parser(description=__doc__)
table_options = parser.add_argument_group("one table")
table_options.add_argument("--embeddings", help="scp of embeddings")
table_options.add_argument("--output", help="folder of embedding.scp and embedding.ark to write")
add_job_arguments(parser.add_argument_group("data dirs"), required=False)
add_network_choice(parser)
parser.add_argument("--seed", type=seed, default=0, help="of the noise")
parser.add_argument("--draws", type=positive_int, default=1, help="average over this number of noise draws")


def main(argv=None) -> None:
    """Enhance a table, or the ids of a work list."""
    args = parser.parse_args(argv)
    job = is_job(args, "embeddings")
    torch.set_num_threads(1)
    enhancer = EmbeddingEnhancer.chosen(args)
    if not job:
        source, output = Path(args.embeddings), Path(args.output)
        if output.resolve() == source.resolve().parent:
            raise InputError(f"--output {output}: holds the embeddings themselves; name another folder")
        scp = enhance_table(enhancer, args, source, None, output / f"{_STEM}.ark")
        write_table(output / f"{_STEM}.scp", scp)
        write_extractor(output, enhanced_by(enhancer, source.parent, args))
        print(f"{output}/{_STEM}.scp: {counted(len(scp), 'embedding')} of {source}, enhanced by {args.model}")
        return
    for name, keys in read_work(args.work).items():
        source, target = Path(args.in_root) / name / f"{_STEM}.scp", Path(args.out_root) / name
        scp = enhance_table(enhancer, args, source, keys, ark_path(args.out_root, name, _STEM, args.job))
        write_extractor(target, enhanced_by(enhancer, source.parent, args))
        write_job_tables(args.out_root, name, args.job, embedding_scp=scp)


def enhance_table(enhancer: EmbeddingEnhancer, args, source: Path, keys: list[str] | None, ark_file: Path) -> dict:
    """Enhance the embeddings of a table into an ark; returns id -> place. ``keys``: only these ids."""
    enhancer.check_extractor(read_extractor(source.parent), str(source))
    table = read_table(source)
    keys = list(table) if keys is None else keys
    if missing_ids := [key for key in keys if key not in table]:
        raise InputError(f"{source}: lacks {missing_ids[0]}; embed it again")
    with progress(len(keys), "enhance") as bar, ArkWriter(ark_file) as ark:
        for places, rows, counts in read_rows(table, keys, str(source)):
            sizes = np.ones(len(places), int) if counts is None else counts
            ids = [
                keys[p] if n == 1 else f"{keys[p]}#{k}" for p, n in zip(places, sizes, strict=True) for k in range(n)
            ]
            enhanced = enhancer.enhance_rows(rows, ids, args.seed, args.draws)
            for place, part in zip(places, np.split(enhanced, np.cumsum(sizes)[:-1]), strict=True):
                ark.write(keys[place], part[0] if counts is None else part)
            bar.update(len(places))
    return ark.scp


def enhanced_by(enhancer: EmbeddingEnhancer, source: Path, args) -> dict:
    """Identity of the enhanced embeddings: extractor, enhancer, seed and draws."""
    facts = read_extractor(source) or enhancer.extractor or {"extractor": "unknown", "digest": ""}
    name = Path(str(args.model)).name
    how = f"{name}, seed {args.seed}, draws {args.draws}"
    digest = f"{facts['digest']} {how}".strip()
    return facts | {"extractor": f"{facts['extractor']} enhanced by {how}", "digest": digest}


if __name__ == "__main__":
    sys.exit(run(main))
