"""What a published table was made of: the same table where the experiments are no more, and files of others."""

import base64
import json
import shutil
import zlib

import numpy as np
import pytest

from test.report.verification.test_trial_sections import write_experiment
from toolkit.bin.report import main
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.errors import InputError
from toolkit.report.archive import unpacked


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Of two experiments; ``RESULTS.md`` and ``direct.md``, the page that is made of the experiments themselves."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("ours", "other")):
        write_experiment(tmp_path / "exp" / name, seed)
        (tmp_path / "exp" / name / "config.yaml").write_text(f"task: sv\nseed: {seed}\n")
    words = ["--expdir", "exp/ours", "--compare", "exp/other", "--ood", "ood", "--recipe_results"]
    main([*words, "direct.md"])
    main([*words, "RESULTS.md", "--archive", "results.json"])
    return tmp_path / "results.json"


def numbers_of(page) -> tuple[list[str], list[float]]:
    """Its words, and its numbers, without the line that names the command."""
    text = "\n".join(line for line in page.read_text().splitlines() if "toolkit.bin.report" not in line)
    words = text.replace("[", " ").replace("]", " ").replace(",", " ").split()
    numbers = [word for word in words if word.lstrip("+-").replace(".", "", 1).isdigit()]
    return [word for word in words if word not in numbers], [float(word) for word in numbers]


def test_the_page_is_made_anew_where_the_experiments_are_no_more(archive, monkeypatch):
    page = archive.parent / "RESULTS.md"
    words, numbers = numbers_of(page)
    words_direct, numbers_direct = numbers_of(archive.parent / "direct.md")
    assert words == words_direct
    assert len(numbers) > 60
    np.testing.assert_allclose(numbers, numbers_direct, atol=0.0101)  # a last digit; samples are of steps of 1/50000
    before = page.read_bytes()
    shutil.rmtree(archive.parent / "exp")
    page.unlink()
    (archive.parent / "elsewhere").mkdir()
    monkeypatch.chdir(archive.parent / "elsewhere")
    main(["--from", str(archive), "--recipe_results", "again.md"])
    assert (archive.parent / "elsewhere/again.md").read_bytes() == before


def test_samples_are_those_that_were_stored_to_half_a_step(archive):
    stored = read_samples(archive.parent / "exp/ours/scores/test/draws.npz")
    with unpacked(archive) as table:
        assert table["expdir"] == "exp/ours"
        samples, identity = read_samples("exp/ours/scores/test/draws.npz")
    assert identity == stored[1]
    for name, values in samples.items():
        assert 0 < np.abs(values - stored[0][name]).max() <= 0.5 / 50_000 + 1e-7


@pytest.mark.parametrize("name", ["/tmp/x/config.yaml", "exp/../../x", "exp\\x", "exp/\nx"])
def test_names_that_lead_elsewhere(archive, name):
    content = json.loads(archive.read_text())
    content["files"][name] = {"time": 0.0, "text": "x"}
    archive.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"results.json: .*: must be a name below the current folder"):
        main(["--from", str(archive), "--recipe_results", "again.md"])
    for key, value in (("expdir", "/etc"), ("compare", ["../x"])):
        changed = json.loads(archive.read_text()) | {"files": {}}
        changed["table"][key] = value
        archive.write_text(json.dumps(changed))
        with pytest.raises(InputError, match="below the current folder"):
            main(["--from", str(archive), "--recipe_results", "again.md"])


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "<u2", "zlib": "!"}, "samples are damaged"),
        ({"type": "<u2", "zlib": packed(b"")[:-4]}, "samples are damaged"),
        ({"type": "<u2", "zlib": packed(b"abc")}, "samples are damaged"),
        ({"type": "O", "zlib": packed(b"abcd")}, "samples are damaged"),
        ({"type": "<u2", "zlib": packed(bytes(10**7))}, "more than 1000000 numbers"),
        ({"type": "<u2"}, "neither text nor samples"),
    ],
)
def test_samples_that_are_damaged_or_too_many(archive, entry, message):
    content = json.loads(archive.read_text())
    content["files"]["exp/ours/scores/test/draws.npz"]["samples"]["samples"]["eer"] = entry
    archive.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"exp/ours/scores/test/draws.npz: .*{message}"), unpacked(archive):
        pass


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"table": {}, "files": {}}', '{"table": 3'])
def test_files_that_are_no_archive(archive, text, capsys):
    archive.write_text(text)
    with pytest.raises(InputError, match=r"results.json: .*--archive"):
        main(["--from", str(archive), "--recipe_results", "again.md"])


def test_a_task_of_others_is_not_imported(archive):
    text = archive.read_text().replace("task: sv", "task: my_own.module:SPEC")
    archive.write_text(text)
    with pytest.raises(InputError, match="trust"):
        main(["--from", str(archive), "--recipe_results", "again.md"])


def test_an_archive_needs_a_page_and_experiments_below(archive, monkeypatch):
    with pytest.raises(InputError, match="give both"):
        main(["--expdir", "exp/ours", "--archive", "x.json"])
    (archive.parent / "deep").mkdir()
    monkeypatch.chdir(archive.parent / "deep")
    with pytest.raises(InputError, match="outside the current folder"):
        main(["--expdir", "../exp/ours", "--recipe_results", "R.md", "--archive", "x.json"])
