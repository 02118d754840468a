"""Whatever words a verb is given: an exit code and one line, never a traceback."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.cli.main import verb_parser, verbs

WORDS = ["slow.wav", "bad.wav", "short.wav", "silent.wav", "stereo.flac", "spk", "spk/s0", "nowhere", "-", "", ".", "*"]
WORDS += [
    "out",
    "out.wav",
    "0",
    "1",
    "-1",
    "nan",
    "1e9",
    "\x00",
    "\udcff",
    "a\nb",
    "x" * 300,
    "--",
    "sv_ecapa",
    "/dev/null",
]
GOOD = {
    "enhance": "slow.wav -o out",
    "convert": "spk -o out",
    "extract": "--enroll slow.wav -o out -- slow.wav",
    "verify": "slow.wav short.wav",
    "embed": "slow.wav --json",
    "transcribe": "slow.wav --method ctc_greedy",
    "score": "slow.wav --reference slow.wav",
    "calibrate": "spk/s0",
    "info": "sv_ecapa",
    "models": "",
    "export": "sv_ecapa -o x.onnx",
    "live": "",
}


@pytest.mark.parametrize("verb", sorted(verbs().keys() - {"demo"}))  # which serves until Ctrl-C
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_words(voxsift, verb, data):
    options = sorted(verb_parser(verb, verbs()[verb])._option_string_actions)
    words = GOOD[verb].split()
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(words)))
        words[place : place + data.draw(st.integers(0, 1))] = [data.draw(st.sampled_from([*WORDS, *options]))]
    if "--help" not in words and "-h" not in words:
        voxsift(verb, *words)
