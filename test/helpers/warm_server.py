"""An interpreter that has imported torch and the like, of which programs of the toolkit are forks.

``warm_server.py SOCKET OWNER``, without torch where SOCKET is called ``light...``, ends with the process OWNER. A
request is the client's standard files, then its umask, ignored signals, limits, folder, words and environment
(``warm_client.py``). The answer is the exit status.
"""

import atexit
import contextlib
import gc
import importlib
import os
import random
import resource
import runpy
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable

# What the toolkit imports from elsewhere, not the toolkit: its own imports stay as the program has them.
LIGHT = [
    "concurrent.futures.process",
    "jinja2",
    "jsonargparse",
    "kaldiio",
    "markdown",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "multiprocessing.connection",
    "numpy",
    "pyroomacoustics",
    "scipy.fft",
    "scipy.optimize",
    "scipy.signal",
    "scipy.special",
    "soundfile",
    "soxr",
    "tqdm",
    "yaml",
]
HEAVY = [
    "torch",
    "torch._dynamo",  # which the first optimizer imports, and takes as long as torch itself
    "torch.nn.attention",
    "torch.utils.data",
    "torch.utils.tensorboard",
    "torchaudio.functional",
    "accelerate",
    "accelerate.utils",
]


def receive(client: socket.socket) -> tuple[list[int], list[bytes]]:
    """Files and words of a request."""
    size, files, _, _ = socket.recv_fds(client, 8, 3)
    data, left = b"", int(size)
    while len(data) < left:
        part = client.recv(left - len(data))
        if not part:
            raise ConnectionError
        data += part
    return files, data.split(b"\0")


def become(files: list[int], words: list[bytes]) -> Callable[[], object]:
    """Take over the client's files, folder, words and environment; returns what to run."""
    os.setsid()
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    umask, ignored, count, *limits = map(int, words[0].split())
    os.umask(umask)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if ignored >> number & 1:
            signal.signal(number, signal.SIG_IGN)
    os.chdir(words[1])
    for number, limit in enumerate(zip(limits[::2], limits[1::2], strict=True)):
        resource.setrlimit(number, limit)
    os.environb.clear()
    os.environb.update(word.split(b"=", 1) for word in words[2 + count :])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv = [os.fsdecode(word) for word in words[2 : 2 + count]]
    script = sys.argv[0] != "-m"
    first = os.path.dirname(os.path.realpath(sys.argv[0])) if script else os.getcwd()
    sys.path[:0] = [first, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    importlib.invalidate_caches()
    random.seed()
    if script:
        return lambda: runpy.run_path(sys.argv[0], run_name="__main__")
    module = sys.argv.pop(1)  # sys.argv[0] is "-m" while packages are imported, as always
    return lambda: runpy.run_module(module, run_name="__main__", alter_sys=True)


def run(program: Callable[[], object]) -> int:
    """Run it as ``python`` does; returns the exit status."""
    try:
        program()
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def end(status: int) -> None:
    """What an interpreter does at its end, but for taking apart all modules, which takes longest."""
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        status = 120
    os._exit(status)


def fork(client: socket.socket) -> int:
    """Start what a client asks for; returns its process."""
    files, words = receive(client)
    worker = os.fork()
    if worker == 0:
        try:
            client.close()
            end(run(become(files, words)))
        finally:
            os._exit(1)
    for file in files:
        os.close(file)
    return worker


def answer(client: socket.socket, worker: int) -> None:
    """Tell the client how its program has ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    with contextlib.suppress(OSError):
        client.sendall(b"%d" % status)
    client.close()


def pass_on(client: socket.socket, worker: int) -> None:
    """Give a program and its children the signals that its client has got; kill them where the client has ended."""
    with contextlib.suppress(ProcessLookupError, ConnectionError):
        numbers = client.recv(16)
        for number in numbers:
            os.killpg(worker, number)
        if not numbers:
            os.killpg(worker, signal.SIGKILL)


def main(path: str, owner: int) -> None:
    """Serve until the owner ends. A program whose client ends first is killed."""
    del sys.path[0]  # the folder of this file
    for name in LIGHT if os.path.basename(path).startswith("light") else LIGHT + HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen(128)
    os.rename(f"{path}.new", path)
    owner, running = os.pidfd_open(owner), {}  # file of the process -> client, process
    while True:
        clients = dict(running.values())
        ready = select.select([listener, owner, *running, *clients], [], [])[0]
        if owner in ready:
            return
        for file in ready:
            if file is listener:
                client, _ = listener.accept()
                with contextlib.suppress(ConnectionError, ValueError):  # a client that has ended meanwhile
                    process = fork(client)
                    running[os.pidfd_open(process)] = client, process
            elif file in running:
                answer(*running.pop(file))
                os.close(file)
            elif any(file is client for client, _ in running.values()):
                pass_on(file, clients[file])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
