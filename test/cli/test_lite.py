"""voxsift on ONNX files: without torch, with few packages, and as with torch."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("onnx")
ROOT = Path(__file__).parents[2]
A, B = "spk/s0/u0.wav", "spk/s1/u0.wav"
# Runs commands of JSON lists on standard input in a Python where torch cannot be imported; prints code, output, errors
# and the packages that were imported.
NO_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchaudio"):
            raise ImportError(name + " is not here")

sys.meta_path.insert(0, NoTorch())
"""
RUN_WITHOUT_TORCH = f"{NO_TORCH}from toolkit.cli.main import main\nsys.exit(main())\n"
WITHOUT_TORCH = f"""{NO_TORCH}
import contextlib, io, json
before = set(sys.modules)
from toolkit.cli.main import main
results = []
for words in json.loads(sys.stdin.read()):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code
    results.append([code, out.getvalue(), err.getvalue()])
print(json.dumps([results, sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})]))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, shipped):
    """ONNX files of the shipped verifier, enhancer and extractor."""
    from toolkit.cli.main import main

    folder = tmp_path_factory.mktemp("exported")
    for name in ("sv_ecapa", "se_convtasnet", "tse_sefpnet"):
        assert main(["export", str(shipped / f"{name}.zip"), "-o", str(folder / f"{name}.onnx")]) == 0
    return folder


def without_torch(*commands) -> tuple[list, list[str]]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], input=words, capture_output=True, text=True, env=environ
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lite_packages() -> set[str]:
    """The packages of the extra ``lite``."""
    lines = (ROOT / "tools/lite.txt").read_text().splitlines()
    return {re.split(r"[><=]", line)[0].lower() for line in lines if line and line[0] != "#"}


def test_the_verbs_are_those_with_torch(voxsift, exported, place):
    sv, se, tse = (exported / f"{name}.onnx" for name in ("sv_ecapa", "se_convtasnet", "tse_sefpnet"))
    commands = [
        ["enhance", "slow.wav", "stereo.flac", "-o", "out", "--keep", "0.1", "--json"],
        ["extract", "--enroll", A, "-o", "speaker.wav", "--json", "--", B],
        ["verify", A, B, "--json"],
        ["embed", A, B, "-o", "embeddings", "--json"],
    ]
    models = [se, tse, sv, sv]
    (place / "by_onnx").mkdir()
    os.chdir("by_onnx")
    for path in place.iterdir():
        if path.name != "by_onnx":
            Path(path.name).symlink_to(path)
    made, packages = without_torch(*([*c[:1], "--model", m, *c[1:]] for c, m in zip(commands, models, strict=True)))
    os.chdir(place)
    contents = []
    for command, (code, out, err) in zip(commands, made, strict=True):
        assert code == 0, err
        _, expected, _ = voxsift(*command)
        contents.append((json.loads(out), expected))
    for path in ("out/slow.wav", "out/stereo.flac", "speaker.wav"):
        by_onnx, by_torch = (soundfile.read(folder / path, dtype="float32") for folder in (place / "by_onnx", place))
        assert by_onnx[1] == by_torch[1]
        np.testing.assert_allclose(by_onnx[0], by_torch[0], atol=1e-4)
    for content, expected in contents[:2]:
        assert content == expected  # warnings too
    scores = [[x["tests"][0]["scores"][0]["cosine"] for x in pair] for pair in contents[2:3]]
    assert scores[0][0] == pytest.approx(scores[0][1], abs=1e-4)
    content, expected = contents[3]
    assert content["extractor"] == expected["extractor"]
    for key, vector in expected["embeddings"].items():
        np.testing.assert_allclose(content["embeddings"][key], vector, atol=1e-4)
    owners = importlib.metadata.packages_distributions()
    used = {owner.lower() for package in packages for owner in owners.get(package, ())} - {"voxsift", "setuptools"}
    assert used <= lite_packages() | {  # and what these depend on
        "cffi",
        "pycparser",
        "protobuf",
        "flatbuffers",
        "coverage",
        "typing_extensions",
    }


def test_streams_without_torch(place, tmp_path_factory):
    """The stream of a file is the file of the stream; `live` opens it and fails for want of a sound device alone."""
    from test.helpers.tiny_networks import tiny
    from toolkit.systems.enhancer import Enhancer
    from toolkit.systems.onnx.export import export_onnx

    system = Enhancer(tiny("GTCRN"))
    export_onnx(system, "g.onnx", stream=True)
    samples = (32768 * soundfile.read(A)[0][:9999]).astype("<i2")
    words = ["enhance", "--stream", "-", "-o", "-", "--model", "g.onnx"]
    code = f"import sys; sys.stdin = open('in.raw'); sys.argv[1:] = {words}\n" + RUN_WITHOUT_TORCH
    Path("in.raw").write_bytes(samples.tobytes())
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environ)
    assert done.returncode == 0, done.stderr
    expected = system.enhance(samples, 16000) * 32768
    np.testing.assert_allclose(np.frombuffer(done.stdout, "<i2"), expected.clip(-32768, 32767), atol=0.51 + 32768e-5)
    assert b"latency 4.0 ms" in done.stderr
    ((code, _, err),), _ = without_torch(["live", "--model", "g.onnx", "--seconds", "0.1"])
    assert code == 1
    assert "sound" in err


def test_without_torch_other_models_are_refused(exported, shipped, place):
    results, _ = without_torch(
        ["verify", A, B, "--model", shipped / "sv_ecapa.zip"],
        ["info", exported / "sv_ecapa.onnx"],
        ["enhance", "slow.wav", "-o", "x.wav"],
    )
    assert [code for code, _, _ in results] == [1, 0, 1]
    assert "torch" in results[0][2]
    assert "Traceback" not in results[0][2] + results[2][2]


@pytest.mark.parametrize(
    "words",
    [
        ["--model", "sv_ecapa.onnx"],
        ["--model", "se_convtasnet.onnx", "--device", "cuda"],
        ["--model", "se_convtasnet.onnx", "--weights", "x.pth"],
        ["--model", "nowhere.onnx"],
        ["--model", "damaged.onnx"],
        ["--model", "plain.onnx"],
        ["--model", "wrong.onnx"],
        ["--model", "later.onnx"],
    ],
)
def test_bad_models(voxsift, exported, words):
    import onnx

    for path in exported.iterdir():
        Path(path.name).symlink_to(path)
    Path("damaged.onnx").write_bytes((exported / "se_convtasnet.onnx").read_bytes()[:5000])
    model = onnx.load(exported / "se_convtasnet.onnx")
    entry = model.metadata_props.pop()
    onnx.save(model, "plain.onnx")
    for name, text in (("wrong", '{"facts": {"task": "se"}}'), ("later", '{"format": 99}')):
        entry.value = text
        changed = onnx.load("plain.onnx")
        changed.metadata_props.append(entry)
        onnx.save(changed, f"{name}.onnx")
    assert voxsift("enhance", "slow.wav", "-o", "out.wav", *words)[0] == 1
    assert not Path("out.wav").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["se_convtasnet", "-o", "x.zip"], 1),
        (["asr_tiny", "-o", "x.onnx"], 1),
        (["nowhere", "-o", "x.onnx"], 1),
        (["slow.wav", "-o", "x.onnx"], 1),
        (["x.onnx", "-o", "y.onnx"], 1),
        (["se_convtasnet", "-o", "there.onnx"], 1),
        (["se_convtasnet"], 1),
    ],
)
def test_bad_exports(voxsift, place, words, code):
    Path("there.onnx").write_text("mine")
    assert voxsift("export", *words)[0] == code
    assert Path("there.onnx").read_text() == "mine"
    assert {path.name for path in place.glob("*.onnx")} == {"there.onnx"}
