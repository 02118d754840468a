"""The ``python3`` of ``warm.py``: the toolkit's programs, scripts and pytest run warm; all else starts anew."""

import os
import resource
import signal
import socket
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # which a program may handle
# Programs that import no torch: a fork of an interpreter without it takes a quarter of the time.
LIGHT = "audio_durations distinct_audio enrolment_dirs format_audio jobs known_speakers make_trials prepare_folder"
LIGHT += " prepare_minicorpus report score_audio score_trials simulate_plan simulate_render stage"
LIGHT += " summarise_audio"


def new(words: list[str]) -> None:
    """Become an interpreter as it always is."""
    os.execv(sys.executable, [sys.executable, *words])


def main(words: list[str]) -> int:
    """The exit status of ``python3 WORDS``."""
    module = f"{words[1]}." if words[:1] == ["-m"] and words[1:] else ""
    if not module.startswith(("toolkit.", "torch.", "pytest.")) and not "".join(words[:1]).endswith(".py"):
        new(words)
    kind = "light" if not module or module[len("toolkit.bin.") : -1] in LIGHT.split() else "heavy"
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"{os.path.dirname(os.path.abspath(sys.argv[0]))}/{kind}{os.getpid() % 2}")
    except OSError:
        new(words)
    environment = [b"%s=%s" % pair for pair in os.environb.items()]
    limits = [limit for number in range(16) for limit in resource.getrlimit(number)]
    ignored = sum(1 << number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN)
    numbers = " ".join(map(str, [os.umask(0), ignored, len(words), *limits])).encode()
    request = [numbers, os.getcwdb(), *map(os.fsencode, words), *environment]
    data = b"\0".join(request)
    socket.send_fds(server, [b"%8d" % len(data)], [0, 1, 2])
    server.sendall(data)
    for number in SIGNALS:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    status = int(server.recv(8) or b"-9")
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


sys.exit(main(sys.argv[1:]))
