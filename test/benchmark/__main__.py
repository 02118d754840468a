"""Run the benchmarks: ``cd test && python -m benchmark [--only fbank] [--out benchmark/RESULTS.md] [--strict]``."""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmark import harness, table

_HERE = Path(__file__).resolve().parent
# One thread for everyone, modules compiled once; peers' warnings about their own options are no news.
_ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "NUMBA")}
_ENVIRONMENT |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONWARNINGS": "ignore"}


def main(argv: list[str] | None = None) -> int:
    """Run the rows asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], help="rows or modules whose name holds one of these words")
    parser.add_argument("--out", type=Path, help="write the page there, e.g. benchmark/RESULTS.md")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a target is missed, too")
    parser.add_argument("--command", default="python -m benchmark", help="what the page says it was made by")
    parser.add_argument("--child", nargs=2, metavar=("MODULE", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        return run_module(*args.child, args.only)
    paths = {path.stem.removeprefix("bench_"): path for path in sorted(_HERE.glob("bench_*.py"))}
    names = args.only if paths.keys() >= set(args.only) else paths  # importing a module takes seconds
    modules = [run_apart(paths[name], args.only) for name in names]
    modules = [module for module in modules if module[2]]
    if not modules:
        parser.error(f"no row is called {', '.join(args.only)}")
    records = [record for _, _, some in modules for record in some]
    if args.out:
        args.out.write_text(table.page(modules, args.command), encoding="utf-8")
    print(table.summary(records))
    return int(any(one.fault or (args.strict and one.met is False) for one in records))


def run_apart(path: Path, only: list[str]) -> tuple[str, str, list[harness.Record]]:
    """A module's rows, in a process of their own: no row sees another module's imports and memory.

    Returns:
        The file's name, the title of its table and the records.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as answer:
        argv = ["-m", "benchmark", "--child", path.stem, answer.name, "--only", *only]
        done = subprocess.run([sys.executable, *argv], cwd=_HERE.parent, env={**os.environ, **_ENVIRONMENT})
        message = Path(answer.name).read_text(encoding="utf-8")
    if not message:
        fault = harness.Record(row=path.stem, fault=f"crashed: the process ended with {done.returncode}")
        return path.name, path.stem, [fault]
    title, records = json.loads(message)
    return path.name, title, [harness.Record(**record) for record in records]


def run_module(name: str, file: str, only: list[str]) -> int:
    """Run the rows of one module whose names hold one of the words; leave title and records in ``file``."""
    module, records = importlib.import_module(f"benchmark.{name}"), []
    for row in [row for row in harness.ROWS if any(word.lower() in f"{name} {row}".lower() for word in only)]:
        for record in harness.run_rows([row]):
            print(table.line(record), flush=True)
            records.append(asdict(record))
    title = module.__doc__.strip().splitlines()[0].rstrip(".")
    Path(file).write_text(json.dumps([title, records]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
