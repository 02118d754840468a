#!/usr/bin/env python3
"""A scheduler of one machine: called as sbatch, squeue, scontrol, scancel; its state lies in the folder FAKE_SLURM.

FAKE_KILLED is the state of tasks whose script was killed (FAILED; GONE: Slurm has forgotten them), FAKE_MAX_ARRAY what
scontrol says of MaxArraySize. Files in the folder that tests make: ``hold`` holds all jobs, ``deaf`` makes squeue fail,
``dead`` makes sbatch fail and say what it holds, with ``requeue`` the next task that ends is started again.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ.get("FAKE_SLURM", "."))
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "GONE"}


def state_of(task: str) -> str:
    return (HOME / task / "state").read_text()


def set_state(task: str, state: str) -> None:
    (HOME / task / "new").write_text(state)
    (HOME / task / "new").rename(HOME / task / "state")


def sbatch(words: list[str]) -> None:
    position = next(i for i, word in enumerate(words) if word.endswith(".sh"))
    options, script, arguments = words[:position], Path(words[position]), words[position + 1 :]
    if (HOME / "dead").exists():
        sys.exit((HOME / "dead").read_text())
    if "--reject" in options:
        sys.exit("sbatch: error: Batch job submission failed: Invalid account")
    job = len(list(HOME.glob("job.*"))) + 1
    (HOME / f"job.{job}").write_text(json.dumps(options))
    numbers, limit = [None], None
    if "--array" in options:
        spec, _, limit = options[options.index("--array") + 1].partition("%")
        spans = [[int(n) for n in span.split("-")] for span in spec.split(",")]
        numbers = [n for span in spans for n in range(span[0], span[-1] + 1)]
        if max(numbers) >= int(os.environ.get("FAKE_MAX_ARRAY", 1001)):
            sys.exit("sbatch: error: Batch job submission failed: Invalid job array specification")
    for number in numbers:
        task = str(job) if number is None else f"{job}_{number}"
        (HOME / task).mkdir()
        set_state(task, "PENDING")
    code = script.read_text()
    pattern = options[options.index("-o") + 1]
    if "%" in pattern.replace("%%", ""):
        sys.exit(f"sbatch: error: {pattern}: bad pattern")
    output = pattern.replace("%%", "%")
    print(f"Submitted batch job {job}", flush=True)
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        run_tasks(job, numbers, int(limit or len(numbers)), ["bash", "-c", code, "slurm_script", *arguments], output)
        os._exit(0)


def run_tasks(job: int, numbers: list, limit: int, command: list[str], output: str) -> None:
    waiting, running = list(numbers), {}
    while waiting or running:
        while waiting and len(running) < limit and not (HOME / "hold").exists():
            number = waiting.pop(0)
            task = str(job) if number is None else f"{job}_{number}"
            if state_of(task) == "PENDING":
                running[task] = start(job, number, task, command, output)
        for task, process in list(running.items()):
            if process.poll() is not None:
                if (HOME / "requeue").exists():
                    (HOME / "requeue").unlink()
                    set_state(task, "PENDING")
                    time.sleep(0.6)
                    waiting.append(int(task.split("_")[1]) if "_" in task else None)
                elif state_of(task) == "RUNNING":
                    killed = os.environ.get("FAKE_KILLED", "FAILED")
                    code = process.returncode
                    set_state(task, "COMPLETED" if code == 0 else killed if code < 0 else "FAILED")
                (HOME / task / "code").write_text(str(process.returncode))
                del running[task]
        time.sleep(0.02)


def start(job: int, number: int | None, task: str, command: list[str], output: str) -> subprocess.Popen:
    variables = {
        **os.environ,
        "SLURM_JOB_ID": str(job if number is None else 1000 * job + number),
        "SLURM_CPUS_PER_TASK": "3",
    }
    if number is not None:
        variables.update(SLURM_ARRAY_JOB_ID=str(job), SLURM_ARRAY_TASK_ID=str(number))
    set_state(task, "RUNNING")
    with open(output, "a") as stream:
        process = subprocess.Popen(command, env=variables, stdout=stream, stderr=stream, start_new_session=True)
    (HOME / task / "pid").write_text(str(process.pid))
    return process


def squeue(words: list[str]) -> None:
    if (HOME / "deaf").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    jobs = words[words.index("-j") + 1].split(",")
    for folder in sorted(path for path in HOME.iterdir() if path.is_dir()):
        job, _, number = folder.name.partition("_")
        state = state_of(folder.name)
        if job in jobs and state != "GONE":
            reason = "JobHeldUser" if (HOME / "hold").exists() else "None"
            never_ran = state == "CANCELLED" and not (folder / "pid").exists()  # Slurm shows these as one
            print(f"{job}|{'N/A' if never_ran else number or 'N/A'}|{state}|{reason}")


def scontrol(words: list[str]) -> None:
    if words[0] == "requeue":
        (HOME / "requeue").write_text(words[1])
        with (HOME / "requeued").open("a") as handle:
            handle.write(f"{words[1]}\n")
        return
    print(f"MailProg = none\nMaxArraySize            = {os.environ.get('FAKE_MAX_ARRAY', 1001)}\nMaxDBDMsgs = 1")


def scancel(jobs: list[str]) -> None:
    with (HOME / "cancelled").open("a") as handle:
        handle.writelines(f"{job}\n" for job in jobs)
    for folder in (path for path in HOME.iterdir() if path.is_dir()):
        if re.sub("_.*", "", folder.name) in jobs or folder.name in jobs:
            if state_of(folder.name) not in ENDED:
                set_state(folder.name, "CANCELLED")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                os.killpg(int((folder / "pid").read_text()), signal.SIGTERM)


if __name__ == "__main__":
    {"sbatch": sbatch, "squeue": squeue, "scontrol": scontrol, "scancel": scancel}[Path(sys.argv[0]).name](sys.argv[1:])
