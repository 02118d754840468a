"""Arks of embeddings through the programs: any split is the same, segments too; what does not fit is refused."""

import json

import numpy as np
import pytest

from test.conftest import add_trials
from test.tasks.embedding.conftest import EXTRACTOR, pairs, rows_of, trained  # noqa: F401
from toolkit.bin import enhance_embeddings, score_seeds, system_cost
from toolkit.io.ark import ArkWriter, read_array
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.extractors import CONF, read_extractor, write_extractor
from toolkit.io.jobs import merge
from toolkit.metrics.verification.error_rates import eer
from toolkit.systems import EmbeddingEnhancer

IDS = [f"s{i % 4}-u{i}" for i in range(24)]


def write_vectors(folder, rows, ids=IDS):
    with ArkWriter(folder / "own.ark") as ark:
        for key, row in zip(ids, rows, strict=True):
            ark.write(key, row)
    write_table(folder / "embedding.scp", ark.scp)
    return folder / "embedding.scp"


def vectors_in(scp) -> dict[str, np.ndarray]:
    return {key: read_array(place, key) for key, place in read_table(scp).items()}


@pytest.fixture
def root(tmp_path):
    """``in/test`` with embeddings, speakers and trials."""
    folder = tmp_path / "in/test"
    write_vectors(folder, rows_of(5, 24)[:, 1])
    write_table(folder / "utt2spk", {key: key[:2] for key in IDS})
    add_trials(folder)
    write_extractor(folder, EXTRACTOR)
    return tmp_path


def enhance(*words) -> None:
    enhance_embeddings.main([str(word) for word in words])


def test_a_table_from_elsewhere(trained, root):  # noqa: F811
    (root / "in/test" / CONF).unlink()
    enhance("--model", trained, "--embeddings", root / "in/test/embedding.scp", "--output", root / "out")
    enhanced = vectors_in(root / "out/embedding.scp")
    expected = EmbeddingEnhancer.load(trained).enhance(rows_of(5, 24)[:, 1], IDS)
    assert np.stack([enhanced[key] for key in IDS]) == pytest.approx(expected, abs=1e-5)
    assert read_extractor(root / "out")["digest"] != EXTRACTOR["digest"]


def test_jobs_give_what_one_gives(trained, root):  # noqa: F811
    for jobs in (1, 3):
        for job, part in enumerate(np.array_split(sorted(IDS), jobs), 1):
            (root / "work").write_text("".join(f"test {key}\n" for key in part))
            roots = ("--in_root", root / "in", "--out_root", root / f"out{jobs}")
            enhance("--model", trained, *roots, "--work", root / "work", "--job", job)
        merge(root / "in", root / f"out{jobs}", "test", jobs, ["embedding"])
    one, three = (vectors_in(root / f"out{jobs}/test/embedding.scp") for jobs in (1, 3))
    assert one.keys() == three.keys() == set(IDS)
    assert all(one[key] == pytest.approx(three[key], abs=1e-5) for key in IDS)


def test_segments_are_enhanced_each(trained, root):  # noqa: F811
    rows = rows_of(6, 48)[:, 1].reshape(24, 2, -1)
    write_vectors(root / "in/test", rows)
    enhance("--model", trained, "--embeddings", root / "in/test/embedding.scp", "--output", root / "out")
    enhanced = vectors_in(root / "out/embedding.scp")
    names = [f"{key}#{k}" for key in IDS for k in range(2)]
    expected = EmbeddingEnhancer.load(trained).enhance(rows.reshape(48, -1), names).reshape(24, 2, -1)
    assert np.stack([enhanced[key] for key in IDS]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("bad", ["extractor", "size", "zero", "folder"])
def test_what_does_not_fit_is_refused(bad, trained, root):  # noqa: F811
    folder, rows = root / "in/test", rows_of(5, 24)[:, 1]
    if bad == "extractor":
        write_extractor(folder, {**EXTRACTOR, "extractor": "other", "digest": "4"})
    if bad == "size":
        write_vectors(folder, rows[:, :7])
    if bad == "zero":
        write_vectors(folder, np.concatenate([0 * rows[:1], rows[1:]]))
    out = folder if bad == "folder" else root / "out"
    with pytest.raises(InputError) as fault:
        enhance("--model", trained, "--embeddings", folder / "embedding.scp", "--output", out)
    words = {"extractor": "other", "size": "7 numbers", "zero": IDS[0], "folder": "--output"}
    assert words[bad] in str(fault.value)
    assert not (root / "out/embedding.scp").exists()


def test_spread_over_seeds(trained, root):  # noqa: F811
    words = ["--in_root", root / "in", "--data_root", root / "in", "--sets", "test", "--output", root / "spread.json"]
    score_seeds.main(
        [str(word) for word in ("--model", trained, *words, "--seeds", "4", "--draws", "2", "--timesteps", "50", "700")]
    )
    spread = json.loads((root / "spread.json").read_text())["sets"]["test"]
    rows = dict(zip(IDS, rows_of(5, 24)[:, 1], strict=True))
    enhancer, late, trials = (
        *map(EmbeddingEnhancer.load, [trained] * 2),
        (root / "in/test/trials").read_text().split("\n")[:-1],
    )
    late.network.start_at(700)
    whole = [*spread["single"], *spread["averaged"], *spread["timesteps"]]
    for number, seeds in enumerate([[0], [1], [2], [3], [0, 1], [2, 3], [0], [0]]):
        system = late if number == 7 else enhancer
        mean = {k: sum(system.enhance(row, [k], seed) for seed in seeds) for k, row in rows.items()}
        scores = {"target": [], "nontarget": []}
        for a, b, kind in map(str.split, trials):
            scores[kind].append(mean[a] @ mean[b] / np.linalg.norm(mean[a]) / np.linalg.norm(mean[b]))
        expected = 100 * eer(np.array(scores["target"]), np.array(scores["nontarget"]))[0]
        assert whole[number] == pytest.approx(expected, abs=1e-3)


def test_cost_of_what_does_not_go_together(trained, root):  # noqa: F811
    with pytest.raises(InputError, match="begin with sv or se"):
        system_cost.main(["--systems", str(trained), "--output", str(root / "cost.json")])
