"""The contract of a parallel stage: a work list goes in, tables per job come out, and ``merge`` loses nothing.

A work list has a line ``<set> <id>`` for each item and is split into contiguous parts, one per job. A job writes its
tables to ``<out_root>/<set>/.jobs/<job>/<table>`` and its arks to ``<out_root>/<set>/data/<name>.<job>.ark``.
``merge`` joins the tables of all jobs; the ids that go in must come out, for any number of jobs.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.io.ark import remove_stale
from toolkit.io.atomic import LEFT_BY_THE_KILLED, replacing, replacing_path
from toolkit.io.conditions import NAME as CONDITIONS
from toolkit.io.datadir import DataDir, c_sorted, invert, read_table, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.files import parse_json
from toolkit.io.progress import progress
from toolkit.io.rttm import NAME as RTTM
from toolkit.io.rttm import carry_rttm
from toolkit.io.text import blocks, columns_of, fields, read_lines
from toolkit.io.trials import layout_of

_WHOLE = ("mix_conf.yaml", CONDITIONS)  # files without ids, copied unchanged


def read_work(path) -> dict[str, list[str]]:
    """Read ``<set> <id>`` lines: set -> its ids, in the order of the list.

    Raises:
        InputError: the list is missing or not UTF-8, or a line has another form.
    """
    work: dict[str, list[str]] = {}
    for first, block in blocks(path, "no such file; a stage writes it (toolkit.io.stage)"):
        columns = columns_of(block, 2)
        if columns is None:
            lines = enumerate(block.decode().split("\n"), first)
            number, line = next((number, line) for number, line in lines if len(fields(line)) != 2)
            raise InputError(f"{path}:{number}: must be '<set> <id>', got {line!r}")
        for name, key in zip(*columns, strict=True):
            work.setdefault(name, []).append(key)
    for name in work:
        if name.startswith("/") or ".." in name.split("/"):
            raise InputError(f"{path}: {name} is outside the folder of the sets; use the name of a set in it")
    return work


def each_set(work_list, what: str, unit: str = "utt") -> Iterator[tuple[str, list[str], Any]]:
    """The sets of a work list, their ids, and a progress bar (``what``) for the ids of all sets."""
    work = read_work(work_list)
    with progress(sum(map(len, work.values())), what, unit) as bar:
        for name, keys in work.items():
            yield name, keys, bar


def write_work(path, in_root, sets: Iterable[str]) -> int:
    """Write the work list of all ids of ``sets``; returns the number of lines."""
    lines = [f"{name} {key}\n" for name in sets for key in DataDir(Path(in_root) / name).keys()]
    with replacing(path) as handle:
        handle.writelines(lines)
    return len(lines)


def ark_path(out_root, name: str, stem: str, job: int) -> Path:
    """The path of a job's ark of set ``name``."""
    return Path(out_root) / name / "data" / f"{stem}.{job}.ark"


def write_job_tables(out_root, name: str, job: int, **tables: Mapping[str, object]) -> None:
    """Write a job's tables. ``wav_scp=`` becomes ``wav.scp``; other keywords are the table names."""
    folder = Path(out_root) / name / ".jobs" / str(job)
    shutil.rmtree(folder, ignore_errors=True)  # remove other tables of an interrupted run
    for table, rows in tables.items():
        write_table(folder / table.replace("_scp", ".scp"), rows)


def merge(in_root, out_root, name: str, num_jobs: int, stems: list[str], allow_bad: int = 0) -> int:
    """Join the jobs' tables of one set and copy the facts of the input set; returns the number of ids.

    Args:
        in_root: folder of the input sets.
        out_root: folder of the output sets.
        name: name of the set.
        num_jobs: number of jobs of this run; tables of other jobs are ignored.
        stems: ark names of this stage (``wav``, ``feats``); arks of an earlier, different split are removed.
        allow_bad: number of bad ids that the jobs may leave out in total (their table ``dropped``).

    Raises:
        InputError: an id of the input set is in no job's output, or an output id is not in the input set.
    """
    source, out = DataDir(Path(in_root) / name), Path(out_root) / name
    tables = _job_tables(out, num_jobs)
    dropped = tables.pop("dropped", {})
    if len(dropped) > allow_bad:
        raise InputError(f"{out}: {len(dropped)} bad ids, --allow_bad {allow_bad}: {some_of(dropped.values(), 5)}")
    expected = set(source.keys()) - set(dropped)
    _check_ids(tables, expected, source, out)
    if not expected or not tables:
        raise InputError(
            f"{out}: nothing was written by jobs 1 to {num_jobs}; see the logs of this stage, or, if another run "
            "merges this set now, wait until that run has ended"
        )
    for table, rows in tables.items():
        write_table(out / table, rows)
    carried = _carry(source, out, expected, set(tables)) | _carry_lists(source, out, set(dropped))
    if RTTM in source:
        carry_rttm(source, out, expected, tables.get("utt2dur", {}))
        carried.add(RTTM)
    if dropped:
        write_table(out / "dropped", dropped)
    else:
        (out / "dropped").unlink(missing_ok=True)
    _tidy(out, set(tables) | carried)
    for stem in stems:
        remove_stale(out / "data", stem, num_jobs)
    return len(expected)


def _job_tables(out: Path, num_jobs: int) -> dict[str, dict[str, str]]:
    """Table name -> joined rows of jobs 1 to ``num_jobs``."""
    # List the folders instead of counting to num_jobs, which may be huge.
    numbered = {int(path.name): path for path in out.glob(".jobs/*") if path.name.isascii() and path.name.isdecimal()}
    jobs = [path for job, path in sorted(numbered.items()) if 1 <= job <= num_jobs and path.is_dir()]
    names = {path.name for job in jobs for path in job.iterdir() if not path.name.startswith(".")}
    tables: dict[str, dict[str, str]] = {}
    for table in sorted(names):
        tables[table] = {}
        for job in jobs:
            if (job / table).is_file():
                tables[table].update(read_table(job / table))
    return tables


def _check_ids(tables: Mapping[str, Mapping[str, str]], expected: set[str], source: DataDir, out: Path) -> None:
    """Raise InputError if a table lacks an expected id or has another one."""
    for table, rows in tables.items():
        if missing_ids := expected - set(rows):
            some = some_of(c_sorted(missing_ids), known=rows)
            raise InputError(f"{out / table}: {len(missing_ids)} ids of {source.path} are missing: {some}")
        if extra_ids := set(rows) - expected:
            some = some_of(c_sorted(extra_ids), known=expected)
            raise InputError(f"{out / table}: {len(extra_ids)} ids are not in {source.path}: {some}")


def _carry(source: DataDir, out: Path, keys: set[str], written: set[str]) -> set[str]:
    """Copy the tables of ``source`` that this stage did not write, for ``keys`` only; returns their names."""
    carried = (table for table in source.tables() if not table.endswith(".scp") or table.startswith("enroll_"))
    names = set(carried) - written
    for table in names:
        write_table(out / table, {k: v for k, v in source.table(table).items() if k in keys})
    if "utt2spk" in source:
        utt2spk = read_table(out / "utt2spk")
        write_table(out / "spk2utt", {spk: " ".join(utts) for spk, utts in invert(utt2spk).items()})
        if "spk2gender" in source:
            speakers = set(utt2spk.values())
            write_table(out / "spk2gender", {s: g for s, g in source.table("spk2gender").items() if s in speakers})
    return names


def _carry_lists(source: DataDir, out: Path, dropped: set[str]) -> set[str]:
    """Copy trial lists, enrolment models and plan, without the lines that need dropped ids; returns their names."""
    unenrolled = dropped
    if "enroll2utt" in source:
        models = {m: [u for u in fields(utts) if u not in dropped] for m, utts in source.table("enroll2utt").items()}
        write_table(out / "enroll2utt", {model: " ".join(utts) for model, utts in models.items() if utts})
        # A model may have the id of an utterance; then trials enrol the model.
        unenrolled = (dropped - models.keys()) | {model for model, utts in models.items() if not utts}
    names = {path.name for path in source.path.glob("trials*") if path.is_file()}
    for name in names | {n for n in ("mix.jsonl", *_WHOLE) if n in source}:
        with replacing_path(out / name) as aside:
            if dropped and name not in _WHOLE:
                lost = _without(source.path / name, aside, dropped, unenrolled)
                print(f"{out / name}: {lost} lines with dropped ids left out")
            else:
                shutil.copyfile(source.path / name, aside)
    return names | {name for name in ("enroll2utt", CONDITIONS) if name in source}


def _without(path: Path, aside: Path, dropped: set[str], unenrolled: set[str]) -> int:
    """Copy the lines of a plan or a trial list that need no dropped utterance; returns the number of other lines.

    Args:
        dropped: utterances without output.
        unenrolled: ids that trials cannot enrol: dropped utterances, and models of dropped utterances only.
    """
    left_out, layout = 0, None
    with open(aside, "w", encoding="utf-8", newline="\n") as new:
        for number, line in read_lines(path):
            if path.suffix == ".jsonl":
                needs = str(parse_json(line, f"{path}:{number}").get("id")) in dropped
            else:
                layout = layout or layout_of(line, path)
                words = fields(line)
                needs = layout.fits(line) and (words[layout.enroll] in unenrolled or words[layout.test] in dropped)
            left_out += needs
            if not needs:
                new.write(line + "\n")
    return left_out


def _tidy(out: Path, present: set[str]) -> None:
    """Remove tables and lists of an earlier run that this run does not write, and files that killed writers left."""
    lists = {*(path.name for path in out.glob("trials*")), "enroll2utt", RTTM, CONDITIONS}
    stale = {*DataDir(out).tables(), *lists} - present
    for name in stale:
        (out / name).unlink(missing_ok=True)
    for path in out.glob(".*"):
        if LEFT_BY_THE_KILLED.fullmatch(path.name):
            path.unlink(missing_ok=True)
