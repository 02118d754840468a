"""Faults on purpose: ``ci/fault_drill.sh [CASE ...]``. The result must be right, or a message and exit code 1.

A case is ``kill.RECIPE``, ``twice.RECIPE``, ``clock.RECIPE``, ``disk.RECIPE`` or ``flip.RECIPE``; a word selects all
cases that begin with it. What has run is kept in ``--work`` and is not run again; ``--out`` writes the table.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from drill.recipes import RECIPES, difference, new_tree, outcome, run, start
from helpers.killed_runs import kill_in, seconds_of_stages

KILLS = 6  # in a run of each recipe
_INTERNAL = re.compile(r"Traceback|unbound variable|line \d+: |Segmentation|core dumped")


class Fault(Exception):
    """A case whose result is wrong."""


def check(condition, message: str) -> None:
    """Raise Fault unless the condition holds."""
    if not condition:
        raise Fault(message)


def calm(work: Path, recipe: str) -> tuple[Path, dict[str, str], dict[int, float]]:
    """The undisturbed run: its folder, its outcome, seconds of its stages. Made once."""
    root, facts = work / f"calm.{recipe}", work / f"calm.{recipe}.json"
    folder = root / "egs/mini" / recipe
    if not facts.exists():
        shutil.rmtree(root, ignore_errors=True)
        code, text = run(new_tree(root, recipe))
        check(code == 0, f"the undisturbed run ends with {code}: {text[-500:]}")
        facts.write_text(json.dumps([outcome(folder), seconds_of_stages(text)]))
    expected, seconds = json.loads(facts.read_text())
    return folder, expected, {int(stage): value for stage, value in seconds.items()}


def refused(code: int, text: str) -> None:
    """Check that a run was refused as it should be: exit code 1, a message, no inner text of a program."""
    check(code == 1, f"exit code {code}: {text[-300:]}")
    check("error" in text, f"no message: {text[-300:]}")
    if inner := _INTERNAL.search(text):
        raise Fault(f"{inner[0]} in: {text[max(0, inner.start() - 200) : inner.end() + 300]}")


def adopt(work: Path, recipe: str, root: Path) -> Path:
    """A copy of the undisturbed run in a tree of its own, with the times of its files."""
    folder, _, _ = calm(work, recipe)
    new = new_tree(root, recipe)
    shutil.rmtree(new)
    shutil.copytree(folder, new, symlinks=True)
    return new


def same(folder: Path, expected: dict[str, str]) -> None:
    """Check the outcome of a run."""
    check(not (other := difference(expected, outcome(folder))), other)


def kill(work: Path, recipe: str, root: Path) -> str:
    """SIGKILL at random times of random stages, then the same command to its end."""
    _, expected, seconds = calm(work, recipe)
    rng, killed = random.Random(f"kill {recipe}"), []
    folder = new_tree(root, recipe)
    for stage in sorted(rng.sample(sorted(seconds), min(KILLS, len(seconds)))):
        delay, with_jobs = rng.random() * seconds[stage], rng.random() < 0.5
        if kill_in(start(folder), stage, delay, with_jobs):
            killed.append(stage)
    code, text = run(folder)
    check(code == 0, f"killed in stages {killed}, the same command ends with {code}: {text[-400:]}")
    same(folder, expected)
    return f"killed {len(killed)} times, in stages {' '.join(map(str, killed))}; {len(expected)} files are equal"


def twice(work: Path, recipe: str, root: Path) -> str:
    """The same command twice at one time."""
    _, expected, _ = calm(work, recipe)
    folder = new_tree(root, recipe)
    jobs = [start(folder), start(folder)]
    texts = [job.communicate()[0] for job in jobs]
    check(0 in [job.returncode for job in jobs], f"both fail: {texts[0][-300:]} {texts[1][-300:]}")
    for job, text in zip(jobs, texts, strict=True):
        if job.returncode:
            refused(job.returncode, text)
    same(folder, expected)
    return f"exit codes {' and '.join(str(job.returncode) for job in jobs)}; {len(expected)} files are equal"


def clock(work: Path, recipe: str, root: Path) -> str:
    """A clock that jumps: all files are from years ago, from years ahead, from both; each time the same command."""
    _, expected, _ = calm(work, recipe)
    folder, rng = adopt(work, recipe, root), random.Random(f"clock {recipe}")
    year = 365 * 86400
    for choices in ([-2 * year], [2 * year], [-2 * year, 2 * year]):
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                moment = path.stat().st_mtime + rng.choice(choices)
                os.utime(path, (moment, moment))
        code, text = run(folder)
        check(code == 0, f"times moved by {choices}: ends with {code}: {text[-400:]}")
        same(folder, expected)
    return f"3 jumps; {len(expected)} files are equal"


def disk(work: Path, recipe: str, root: Path) -> str:
    """A full disk in every stage, then the same stage with space again."""
    _, expected, seconds = calm(work, recipe)
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2G", "none", root], capture_output=True, text=True)
    if mounted.returncode:
        return f"left out: a small disk needs root: {mounted.stderr.strip()}"
    try:
        folder, full, filler = new_tree(root / "tree", recipe), [], root / "filler"
        for stage in sorted(seconds):
            place = os.statvfs(root)
            with open(filler, "wb") as handle:
                os.posix_fallocate(handle.fileno(), 0, max(1, place.f_bavail * place.f_frsize - 8192))
            words = ["--stage", str(stage), "--stop_stage", str(stage)]
            code, text = run(folder, *words)
            if code:
                refused(code, text)
                full.append(stage)
            filler.unlink()
            code, text = run(folder, *words)
            check(code == 0, f"stage {stage} with space again ends with {code}: {text[-400:]}")
        same(folder, expected)
    finally:
        subprocess.run(["umount", "-l", root], check=False)
    return f"stages {' '.join(map(str, full))} were refused; {len(expected)} files are equal"


# What a bit is flipped in, and what is removed so that it is read again.
FLIPS = {
    "ark of audio": ("dump/raw/*/data/*.ark", "exp/*/[eipt]*/*"),
    "checkpoint": ("exp/*/checkpoint/last.pt", "exp/*/train_info.json"),
    "weights": ("exp/*/valid.*.ave.pth", "exp/*/[eipt]*/*"),
    "package": ("exp/*/packed.zip", ""),
    "scores": ("exp/*/scores/*/*", "exp/RESULTS.md"),
}


def flip(work: Path, recipe: str, root: Path) -> str:
    """A bit flipped in what stages read: the outcome is the same, or a message names the fault."""
    _, expected, _ = calm(work, recipe)
    rng, results = random.Random(f"flip {recipe}"), []
    for number, (kind, (pattern, again)) in enumerate(FLIPS.items()):
        folder = adopt(work, recipe, root / str(number))
        files = [path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.name.startswith(".")]
        if not files:
            continue
        path = rng.choice(files)
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        for old in folder.glob(again) if again else ():
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        code, text = run(folder, "--stage", "5")
        if code:
            refused(code, text)
        elif kind != "package":
            flipped = str(path.relative_to(folder))
            other = difference({**expected, flipped: ""}, {**outcome(folder), flipped: ""})
            check(not other, f"{kind}: {path.name}: {other}, without a message")
        results.append(f"{kind} {'refused' if code else 'right'}")
        shutil.rmtree(root / str(number))
    return ", ".join(results)


KINDS = {"kill": kill, "twice": twice, "clock": clock, "disk": disk, "flip": flip}
CASES = [f"{kind}.{recipe}" for kind in KINDS for recipe in RECIPES]


def drill(work: Path, case: str) -> dict:
    """Run a case: how it went, and its seconds."""
    kind, recipe = case.split(".")
    root, began = work / case, time.monotonic()
    shutil.rmtree(root, ignore_errors=True)
    try:
        result, ok = KINDS[kind](work, recipe, root), True
    except Fault as fault:
        result, ok = " ".join(str(fault).split()), False
    if ok:
        shutil.rmtree(root, ignore_errors=True)
    return {"ok": ok, "result": result, "seconds": round(time.monotonic() - began)}


def page(results: dict[str, dict]) -> str:
    """The table of what has run."""
    lines = [f"# Fault drill\n\n{sum(one['ok'] for one in results.values())} of {len(CASES)} cases are right."]
    lines += [f"{len(CASES) - len(results)} have not been run.", "", "| case | | result |", "|---|---|---|"]
    for case in (case for case in CASES if case in results):
        one = results[case]
        lines.append(f"| {case} | {'right' if one['ok'] else 'WRONG'} | {one['result'].replace('|', ' ')[:300]} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the cases that are asked for and have not run."""
    parser = argparse.ArgumentParser(prog="fault_drill.sh", description=__doc__)
    parser.add_argument("cases", nargs="*", default=[""], help="beginnings of names of cases; default: all")
    parser.add_argument("--work", type=Path, default=Path("/tmp/voxsift_drill"), help="folder of runs and results")
    parser.add_argument("--out", type=Path, help="write the table there")
    args = parser.parse_args()
    cases = [case for case in CASES if case.startswith(tuple(args.cases))]
    if not cases:
        parser.error(f"no such case; there are {' '.join(CASES)}")
    args.work.mkdir(parents=True, exist_ok=True)
    kept = args.work / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    for case in cases:
        if not results.get(case, {}).get("ok"):
            results[case] = drill(args.work, case)
            kept.write_text(json.dumps(results, indent=1))
        one = results[case]
        print(f"{'ok  ' if one['ok'] else 'FAIL'} {case} ({one['seconds']} s): {one['result']}", flush=True)
    if args.out:
        args.out.write_text(page(results), encoding="utf-8")
    return int(any(not results[case]["ok"] for case in cases))


if __name__ == "__main__":
    sys.exit(main())
