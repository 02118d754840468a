"""A ``python3`` that starts programs of the toolkit in milliseconds, for recipes in tests."""

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def start(folder: Path, owner: int) -> None:
    """Make ``folder/python3`` (and ``python``) and the interpreters behind it, with torch and without; they end with
    the process ``owner``.

    Two of each, whose hashes of strings differ: what depends on the order of a set would show, as between cold starts.
    """
    client = (HERE / "warm_client.py").read_text()
    (folder / "python3").write_text(f"#!{sys.executable} -IS\n{client}")
    (folder / "python3").chmod(0o755)
    (folder / "python").symlink_to("python3")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"LC_ALL": "C", "PYTHONIOENCODING": "UTF-8", "OMP_NUM_THREADS": "1"}
    names = [f"{kind}{number}" for kind in ("light", "heavy") for number in range(2)]
    for name in names:
        subprocess.Popen(
            [sys.executable, HERE / "warm_server.py", name, str(owner)],
            env=environment | {"PYTHONHASHSEED": str(int(name[-1]) + 1)},
            cwd=folder,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    for _ in range(1200):
        if all((folder / name).exists() for name in names):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{folder}: no interpreter has come up")
