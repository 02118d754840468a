"""An extractor with a trained verifier in it: training by stored embeddings, use from waveforms, packing."""

import shutil

import numpy as np
import pytest
import torch
import yaml
from helpers.tiny_verifier import verifier

from toolkit.bin import simulate_plan, simulate_render, train
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.config import load_config
from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.io.extractors import write_extractor
from toolkit.io.jobs import merge
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.systems.extractor import Extractor
from toolkit.systems.packing import pack, with_embedders
from toolkit.systems.verifier import Verifier
from toolkit.tasks.enhancement.enhancement_task import ValidationMixtures
from toolkit.train.checkpoint import save

MODEL = {"window": 64, "hop": 32, "channels": [2, 2, 2], "local_hidden": 2}


def embed(system: Verifier, data, folder) -> str:
    """Embedding.scp of a set, with a file that says what made it."""
    folder.mkdir()
    audio = AudioTable(data)
    with ArkWriter(folder / "embedding.ark") as ark:
        for key, vector in system.embed_table(audio, audio.keys()):
            ark.write(key, vector)
    write_table(folder / "embedding.scp", ark.scp)
    write_extractor(folder, system.identity)
    return str(folder / "embedding.scp")


@pytest.fixture(scope="module")
def tree(corpus, tmp_path_factory):
    """Two verifiers with their embeddings of train; three mixtures of dev speakers; a config ``c.yaml``."""
    root = tmp_path_factory.mktemp("tree")
    for seed, name in enumerate(("sv", "other")):
        embed(verifier(root / name, seed), corpus / "raw/train", root / f"embed_{name}")
    (root / "by_set").mkdir()
    (root / "by_set/train").symlink_to(root / "embed_other")
    (root / "two.yaml").write_text(f"planner:\n  interferer: {{data: [{corpus / 'raw/dev'}], sir: [0, 0]}}\n")
    words = ["--config", root / "two.yaml", "--data", corpus / "raw/dev", "--out_root", root / "data", "--name", "two"]
    simulate_plan.main([str(word) for word in (*words, "--enroll", "fixed")])
    (root / "work").write_text("".join(f"two {key}\n" for key in DataDir(root / "data/two").keys()))
    words = ["--in_root", root / "data", "--out_root", root / "raw", "--work", root / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", "all")])
    merge(root / "data", root / "raw", "two", 1, ["wav"])
    planner = {"interferer": {"data": [str(corpus / "raw/train")], "sir": [0, 0]}}
    data = {"planner": planner, "embeddings": str(root / "embed_sv/embedding.scp"), "enroll_seconds": [0.5, 0.5]}
    encoder = {"class_path": "TrainedEmbedder", "init_args": {"system": str(root / "sv")}}
    config = {
        "task": "tse",
        "model": {"class_path": "LGRTSE", "init_args": MODEL | {"speaker_encoder": encoder}},
        "loss": {"class_path": "RIMagSISNR"},
        "data": {"class_path": "ExtractionDataset", "init_args": data},
        "batches": {"class_path": "CropBatches", "init_args": {"batch_size": 8, "crop_seconds": [0.3, 0.3]}},
        "trainer": {"epochs": 1, "workers": 0, "threads": 1},
    }
    (root / "c.yaml").write_text(yaml.safe_dump(config))
    return root


def trained(tree, corpus, expdir, *more: str) -> None:
    words = ["--config", tree / "c.yaml", "--train_dir", corpus / "raw/train", "--valid_dirs", f"[{tree / 'raw/two'}]"]
    train.main(["tse", *map(str, words), "--expdir", str(expdir), *more])


def test_training_reads_embeddings_and_the_system_needs_waveforms_alone(tree, corpus, tmp_path, monkeypatch, caplog):
    heard, embedding_of = [], SpeakerExtractor.embedding_of

    def noted(self, enrolment, lengths=None, embedding=None):
        heard.append((self.training, embedding is None))
        return embedding_of(self, enrolment, lengths, embedding)

    monkeypatch.setattr(SpeakerExtractor, "embedding_of", noted)
    trained(tree, corpus, tmp_path / "exp")
    assert (True, False) in heard
    assert (True, True) not in heard, "the encoder ran in training"
    assert (False, True) in heard, "validation embeds the fixed enrolments"
    rng = np.random.default_rng(0)
    mixture, enrolment = 0.1 * rng.standard_normal((2, 4000)).astype(np.float32)
    system = Extractor.load(tmp_path / "exp")
    expected = system.extract(mixture, enrolment, fs=16000)
    assert expected.shape == (4000,)
    state, own = Verifier.load(tree / "sv").network.state_dict(), system.network.trained_embedder.state_dict()
    assert all(torch.allclose(own[name], value) for name, value in state.items())
    # A package describes the verifier itself; an experiment reads that in the verifier's folder.
    pack(tmp_path / "exp", tmp_path / "packed.zip")
    assert not [record for record in caplog.records if "trust" in record.getMessage()]
    shutil.move(tree / "sv", tree / "away")
    try:
        np.testing.assert_allclose(Extractor.load(tmp_path / "packed.zip").extract(mixture, enrolment, 16000), expected)
        with pytest.raises(InputError, match="tree.*/sv: no such system"):
            Extractor.load(tmp_path / "exp")
    finally:
        shutil.move(tree / "away", tree / "sv")


def test_a_package_describes_a_packed_verifier_too(tree, tmp_path):
    pack(tree / "sv", tmp_path / "sv.zip")
    own = load_config(tree / "c.yaml")
    own["model"]["init_args"]["speaker_encoder"]["init_args"]["system"] = str(tmp_path / "sv.zip")
    described = with_embedders(own)["model"]["init_args"]["speaker_encoder"]
    assert described["class_path"] == "toolkit.models.sv.SpeakerEmbedder"
    assert described["init_args"]["model"]["init_args"]["channels"] == 8
    assert with_embedders(described) == described


def test_an_experiment_loads_from_another_folder_than_its_recipes(tree, tmp_path, monkeypatch):
    """The config names the encoder from there, ``exp/sv``."""
    (tmp_path / "egs/exp/tse_x").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(tree / "sv", tmp_path / "egs/exp/sv")
    own = load_config(tree / "c.yaml")
    own["model"]["init_args"]["speaker_encoder"]["init_args"]["system"] = "exp/sv"
    expected = with_embedders(own, tmp_path / "egs/exp/tse_x/config.yaml")["model"]["init_args"]["speaker_encoder"]
    assert expected["class_path"] == "toolkit.models.sv.SpeakerEmbedder"
    (tmp_path / "egs/exp/tse_x/config.yaml").write_text(yaml.safe_dump(own))
    monkeypatch.chdir(tmp_path / "egs")
    network = Extractor.untrained("exp/tse_x/config.yaml").network
    save(tmp_path / "egs/exp/tse_x/valid.loss.ave.pth", network.state_dict())
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = Extractor.load("../egs/exp/tse_x").network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())
    with pytest.raises(InputError, match="exp/sv: no such system"):
        with_embedders(own, "config.yaml")


def test_validation_by_stored_embeddings(tree, tmp_path):
    """Of a network without an encoder; by mixture."""
    shutil.copytree(tree / "raw/two", tmp_path / "two")
    keys = DataDir(tmp_path / "two").keys()
    with ArkWriter(tmp_path / "embedding.ark") as ark:
        for i, key in enumerate(keys):
            ark.write(key, np.full(4, i, np.float32))
    streams = ("wav", "spk1", "embedding")
    with pytest.raises(InputError, match="two/embedding.scp: no such file"):
        ValidationMixtures(str(tmp_path / "two"), 16000, streams)
    write_table(tmp_path / "two/embedding.scp", ark.scp)
    item = ValidationMixtures(str(tmp_path / "two"), 16000, streams).item(keys[2])
    assert item.keys() == set(streams)
    assert item["embedding"].tolist() == [2.0] * 4


@pytest.mark.parametrize("where", ["embed_other/embedding.scp", "by_set"])
def test_embeddings_of_another_encoder_are_refused(tree, corpus, tmp_path, where):
    other = str(tree / where)  # one table, or a folder with those of several sets
    with pytest.raises(
        InputError, match=r"data.init_args.embeddings: .*made by other .*not by model.init_args.speaker_"
    ):
        trained(tree, corpus, tmp_path / "exp", "--data.init_args.embeddings", other)


def test_absent_speakers_without_their_loss_are_refused_before_any_work(tree, corpus, tmp_path):
    with pytest.raises(InputError, match=r"absent_prob 0\.1: loss RIMagSISNR is not for silent references"):
        trained(tree, corpus, tmp_path / "exp", "--data.init_args.absent_prob", "0.1", "--check")
    assert not (tmp_path / "exp").exists()
