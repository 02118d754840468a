"""A fake Slurm on PATH, and what tests of slurm.pl look at."""

import json
import os
import re
import sys
from pathlib import Path


class Slurm:
    """A fake Slurm on PATH."""

    def __init__(self, folder: Path):
        self.folder = folder / "slurm"
        programs = folder / "programs"
        programs.mkdir()
        self.folder.mkdir()
        for name in ("sbatch", "squeue", "scontrol", "scancel"):
            program = programs / name
            fake = Path(__file__).with_name("fake_slurm.py")
            program.write_text(f"#!{sys.executable} -IS\n{fake.read_text()}")
            program.chmod(0o755)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "FAKE_SLURM": str(self.folder)}
        self.environment["SLURM_PL_GRACE"] = "0.3"

    def submitted(self, job=1):
        """What sbatch was given before the script, without what is always there."""
        words = json.loads((self.folder / f"job.{job}").read_text())
        always = ["--open-mode=append", "-e"]
        at = words.index(always[0])
        assert words[at : at + 2] == always
        assert words[at + 2] == words[at + 4]
        return words[:at] + words[at + 5 :]


def output(log):
    """The job's own output: what stands between the command and the accounting."""
    return re.split(r"^# (?!SLURM_|Running|Started).*\n", log.read_text(), maxsplit=1, flags=re.M)[1].split("# Acc")[0]
