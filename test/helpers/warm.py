"""A ``python3`` that starts programs of the toolkit in milliseconds, for recipes in tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def start(folder: Path, owner: int) -> None:
    """Make ``folder/python3`` (and ``python``) and the two interpreters behind it, which end with process ``owner``.

    Two, whose hashes of strings differ: what depends on the order of a set would show, as it does between cold starts.
    """
    client = (HERE / "warm_client.py").read_text()
    (folder / "python3").write_text(f"#!{sys.executable} -IS\n{client}")
    (folder / "python3").chmod(0o755)
    (folder / "python").symlink_to("python3")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"LC_ALL": "C", "PYTHONIOENCODING": "UTF-8", "OMP_NUM_THREADS": "1"}
    for number in range(2):
        subprocess.Popen(
            [sys.executable, HERE / "warm_server.py", str(number), str(owner)],
            env=environment | {"PYTHONHASHSEED": str(number + 1)},
            cwd=folder,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    for _ in range(1200):
        if all((folder / str(number)).exists() for number in range(2)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{folder}: no interpreter has come up")
