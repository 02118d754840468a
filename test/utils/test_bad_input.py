"""Bad arguments and files for every program of utils/: a line that says what is wrong, and nothing half written."""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from test.utils.conftest import CONF, MIXTURE, SPK2UTT, UTT2SPK, UTTS

UTILS = Path(__file__).resolve().parents[2] / "utils"

# A command line that is right, word by word; D, S are data dirs (S has segments), M a mixture set.
COMMANDS = [
    *("split_data.sh D 2", "split_data.sh --per-utt D 2", "split_data.sh --per-reco S 2"),
    *("subset_data_dir.sh D 2 new", "subset_data_dir.sh --shortest D 2 new", "subset_data_dir.sh --speakers D 2 new"),
    *("subset_data_dir.sh --utt-list list D new", "subset_data_dir.sh --per-spk M 1 new"),
    *("combine_data.sh new D S", "combine_data.sh --skip-fix true new D M", "perturb_data_dir_speed.sh 0.9 S new"),
    *("copy_data_dir.sh --utt-prefix p- --spk-prefix p- D new", "copy_data_dir.sh M new"),
    *("fix_data_dir.sh D", "fix_data_dir.sh S", "fix_data_dir.sh --utt-extra-files more M"),
    *("validate_data_dir.sh --no-feats D", "validate_data_dir.sh --no-wav-check --require-streams spk1 M"),
    *("get_utt2dur.sh --nj 2 S", "get_utt2dur.sh --fs 8000 --cmd cmd D", "get_utt2dur.sh --frame-shift 0.01 F"),
    *("split_scp.pl list out1 out2", "split_scp.pl -j 2 0 list out1", "split_scp.pl --utt2spk=utt2spk list out1 out2"),
    *("filter_scp.pl -f 1 list utt2spk", "apply_map.pl -f 2 map utt2spk", "shuffle_list.pl --srand 3 list"),
    *("utt2spk_to_spk2utt.pl utt2spk", "spk2utt_to_utt2spk.pl spk2utt"),
    *("run.pl --max-jobs-run 2 JOB=1:2 log.JOB true", "run.pl --pick failed JOB=1:2 log.JOB true"),
    *("slurm.pl --config conf JOB=1:2 log.JOB true", "run_line.sh commands 1", "run_once.sh marker true"),
    *("launch.sh --ngpu 1 --num_nodes 1 true -m x", "launch.sh --world_size 2 --master_port 9 true -m x"),
]
WORDS = [
    "",
    "x",
    "-1",
    "0",
    "nan",
    "inf",
    "99999999999999999999",
    "1e20",
    "0x10",
    "08",
    "-x",
    "--",
    "a b",
    "*",
    "$(x",
    "a\nb",
]
WORDS += ["\u00a0", "x" * 300, "absent/x", "folder", "fifo", "garbage", "nul", "empty", "list"]

# What a table is replaced with.
GARBAGE = bytes(random.Random(0).randrange(256) for _ in range(400))
CONTENTS = {
    "empty": lambda text: b"",
    "one column": lambda text: re.sub(rb" .*", b"", text),
    "blank line": lambda text: text + b"\n",
    "blanks": lambda text: b"  \t\n" + text,
    "many columns": lambda text: text.replace(b"\n", b" 1 2 3 4 5\n"),
    "garbage": lambda text: GARBAGE,
    "NUL": lambda text: text[:3] + b"\0" + text[3:],
    "mark": lambda text: b"\xef\xbb\xbf" + text,
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "DOS": lambda text: text.replace(b"\n", b"\r\n"),
    "no newline": lambda text: text.rstrip(b"\n"),
    "twice": lambda text: text + text,
    "other ids": lambda text: b"z" + text.replace(b"\n", b"\nz")[:-1],
    "odd ids": lambda text: text.replace(b"-", "\u00a0\u0301".encode()),
    "huge": lambda text: re.sub(rb"[0-9.]+$", b"9" * 400, text, flags=re.M),
    "negative": lambda text: re.sub(rb" [^ \n]*$", b" -3", text, flags=re.M),
    "nan": lambda text: re.sub(rb" [^ \n]*$", b" nan", text, flags=re.M),
    "a folder": None,
    "a FIFO": None,
}
TABLES = {
    "D": ["utt2spk", "spk2utt", "wav.scp", "text", "utt2num_samples"],
    "S": ["segments", "wav.scp", "reco2file_and_channel"],
    "M": ["mix.jsonl", "mix_conf.yaml", "enroll_spk1.scp"],
    "F": ["utt2num_frames", "frame_shift"],
    ".": ["list", "map", "utt2spk", "spk2utt", "commands", "conf"],
}
# What the shell, awk, perl and their company say.
INTERNAL = re.compile(
    r"line \d+:|\bline \d+\.$|unbound variable|Traceback|null byte|integer expression|syntax error|command not found"
    r"|^(awk|mawk|sed|sort|mktemp|mkdir|mv|cp|cat|seq|grep|head|tail|rm|ls|wc|comm|cut|tr|sha256sum|bash|perl|touch): ",
    re.MULTILINE,
)


@pytest.fixture
def scene(tmp_path):
    """Everything that the command lines name."""
    segments = {"segments": "a-1 r1 0 1.5\na-2 r1 1.5 2\nb-1 r2 0 1\nb-2 r2 2 3\n", "wav.scp": "r1 1.wav\nr2 2.wav\n"}
    plain = {"utt2spk": UTT2SPK, "spk2utt": SPK2UTT, "wav.scp": "".join(f"{utt} {utt}.wav\n" for utt in UTTS)}
    samples = {
        "utt2num_samples": "".join(f"{utt} 8000\n" for utt in UTTS),
        "text": "".join(f"{utt} x\n" for utt in UTTS),
    }
    streams = {
        name: "".join(line.replace("X", u).replace("S", u[0]) + "\n" for u in UTTS) for name, line in MIXTURE.items()
    }
    frames = {"utt2num_frames": "".join(f"{utt} 80\n" for utt in UTTS), "frame_shift": "0.01\n"}
    dirs = {
        "D": plain | samples,
        "S": plain | segments | {"reco2file_and_channel": "r1 f A\nr2 f B\n"},
        "M": plain | streams | {"mix_conf.yaml": CONF},
        "F": {**plain, **frames, "wav.scp": None},
        "folder": {},
    }
    for name, tables in dirs.items():
        (tmp_path / name).mkdir()
        for table, text in tables.items():
            if text is not None:
                (tmp_path / name / table).write_text(text)
    files = {"list": "a-1\na-2\nb-1\nb-2\n", "map": "a A\nb B\n", "utt2spk": UTT2SPK, "spk2utt": SPK2UTT, "empty": ""}
    files |= {"commands": "true\n", "conf": "command true\noption gpu=0\n", "nul": "a\0b c\n", "more": "x"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "garbage").write_bytes(GARBAGE)
    (tmp_path / "cmd").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "cmd").chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def cases():
    """(command line, table to spoil, how): one word or table is wrong, or words are missing or too many."""
    for command in COMMANDS:
        program, *words = command.split()
        yield (program, *words, "too", "many", "words", "here", "are"), None, None
        for n, right in enumerate(words):
            yield (program, *words[:n]), None, None
            if not right.startswith("-"):
                for word in WORDS:
                    yield (program, *words[:n], word, *words[n + 1 :]), None, None
        for folder, tables in TABLES.items():
            for table in tables:
                if folder in words or (folder == "." and any(table in word for word in words)):
                    yield from (((program, *words), f"{folder}/{table}", content) for content in CONTENTS)


def spoil(path, content):
    make, text = CONTENTS[content], path.read_bytes()
    path.unlink()
    if make is not None:
        path.write_bytes(make(text))
    elif content == "a folder":
        path.mkdir()
    else:
        os.mkfifo(path)


def snapshot(root):
    """Contents of everything but logs and locks."""
    paths = (path for path in root.rglob("*") if not re.search(r"/log(/|$)|\.lock$|/log\.|/q(/|$)", str(path)))
    return {path: path.read_bytes() if path.is_file() else None for path in paths}


def faults(scene, words, table, content):
    """What is wrong with the end of a program for bad input."""
    if table:
        spoil(scene / table, content)
    before, program = snapshot(scene), words[0]
    environment = {**os.environ, "PATH": f"{scene}:{os.environ['PATH']}", "SLURM_PL_GRACE": "0"}
    try:
        command = [UTILS / program, *words[1:]]
        done = subprocess.run(
            command, cwd=scene, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "hangs"
    message = done.stderr.decode(errors="replace")
    if program == "run_line.sh":  # what the shell says of the line's own command
        message = re.sub(r"bash: line 1: .*: command not found", "", message)
    runs_commands = program in ("run.pl", "slurm.pl", "run_line.sh", "run_once.sh", "launch.sh")
    if internal := INTERNAL.search(message):
        return f"{internal[0]!r} in: {message[-500:]}"
    if done.returncode not in (0, 1) and not (runs_commands and done.returncode > 1):
        return f"exit code {done.returncode}: {message[-500:]}"
    if done.returncode and "error: " not in message and "Usage: " not in message and not runs_commands:
        return f"no error: {message[-500:]}"
    if done.returncode and not runs_commands and (after := snapshot(scene)) != before:
        changed = {path for path in {*before, *after} if before.get(path, 0) != after.get(path, 0)}
        return f"left {sorted(map(str, changed))}: {message[-500:]}"
    return None


CASES = list(cases())


def name_of(case):
    words, table, content = case
    return ascii(" ".join(word[:20] for word in words) + (f" with {table} {content}" if table else ""))


@pytest.mark.parametrize("case", random.Random(1).sample(CASES, 40), ids=name_of)
def test_some_bad_input(scene, case):
    assert faults(scene, *case) is None


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_all_bad_input(scene, case):
    assert faults(scene, *case) is None


@pytest.mark.parametrize(
    "command", ["fix_data_dir.sh D", "subset_data_dir.sh D 2 E", "combine_data.sh E D", "split_data.sh D 2"]
)
def test_a_name_with_an_ampersand(call, data_dir, command):
    """Which bash replaces in ${name/pattern/string}."""
    data_dir("a&b", {"text": "".join(f"{utt} x\n" for utt in UTTS)})
    call(*[{"D": "a&b", "E": "c&d"}.get(word, word) for word in command.split()])
