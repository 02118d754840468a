"""Kinds and facts of downstream systems, by their configs; recognisers that others trained, by stand-ins."""

import sys
import types

import numpy as np
import pytest
import soundfile
import yaml
from helpers.tiny_systems import tiny_classifier, tiny_recogniser

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.systems import off_the_shelf
from toolkit.systems.downstream_systems import check_systems, facts_of, kind_of, name_of
from toolkit.systems.off_the_shelf import OffTheShelf
from toolkit.systems.packing import pack


@pytest.fixture
def whisper(monkeypatch, tmp_path):
    """A module in the place of openai-whisper, whose text is the number of samples."""

    class Model:
        def transcribe(self, samples, **options):
            assert samples.dtype == np.float32
            assert (options["language"], options["temperature"]) == ("en", 0.0)
            return {"text": f"  {len(samples)}  samples. "}

    def load_model(name, device):
        if name == "medium":
            raise OSError("no internet access")
        return Model()

    module = types.ModuleType("whisper")
    module.available_models, module.load_model = lambda: ["tiny", "medium"], load_model
    monkeypatch.setitem(sys.modules, "whisper", module)
    monkeypatch.setattr(off_the_shelf, "find_library", lambda *_: tmp_path)


def test_the_config_tells_the_kind_not_the_name(tmp_path):
    folder = tiny_recogniser(tmp_path / "sv_really")
    tiny_classifier(tmp_path / "ic_b", {"what": ["on", "off"]})
    pack(tmp_path / "ic_b", tmp_path / "other.zip")
    systems = [str(folder), str(tmp_path / "other.zip")]
    assert [kind_of(system) for system in systems] == ["asr", "ic"]
    assert check_systems(systems, 16000) == {"asr_sv_really": "asr", "ic_other": "ic"}


@pytest.mark.parametrize(
    ("system", "name"),
    [
        ("../asr/exp/asr_x/", "asr_x"),
        ("exp/asr_x/packed.zip", "asr_x"),
        ("whisper:medium", "whisper_medium"),
        ("whisper:/my/models/large v3.pt", "whisper_large_v3"),
        ("pocketsphinx", "pocketsphinx"),
    ],
)
def test_names_are_those_of_folders(system, name):
    assert name_of(system, "asr") == name


def test_facts_are_those_of_the_config(tmp_path):
    ssl = {"class_path": "Pretrained", "init_args": {"name": "hubert_base", "weights": None}}
    config = {"task": "asr", "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": ssl}}}
    config["data"] = {"class_path": "RecognitionDataset", "init_args": {"planner": {"noises": {"noise": {}}}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    facts = {"kind": "asr", "ssl": "hubert_base", "noise_robust": True, "note": ""}
    assert facts_of(str(tmp_path)) == facts
    own = {"class_path": "TrainedSSL", "init_args": {"system": "../ssl/exp/ssl_train_wavlm_mfcc_50/"}}
    config["frontend"]["init_args"]["ssl"] = own
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert facts_of(str(tmp_path)) == facts | {"ssl": "ssl_train_wavlm_mfcc_50"}
    del config["data"]
    config["frontend"] = {"class_path": "KaldiFbank"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert facts_of(str(tmp_path)) == facts | {"ssl": "", "noise_robust": False}


def test_whisper_hears_what_it_is_given(whisper, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(4321), 16000)
    write_table(tmp_path / "wav.scp", {"a-1": str(tmp_path / "a.wav")})
    table = AudioTable(tmp_path, fs=OffTheShelf.fs)
    assert OffTheShelf("whisper:tiny").transcribe_table(table, ["a-1"]) == {"a-1": "4321 samples."}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("whisper:nosuch", "nor is it one of tiny, medium"),
        ("whisper:", "must be pocketsphinx, whisper:<model>"),
        ("pocketsphinx:en", "must be pocketsphinx, whisper:<model>"),
        ("whisper:medium", "no internet access"),
    ],
)
def test_recognisers_that_cannot_be_had_are_named(whisper, name, message):
    with pytest.raises(InputError, match=message):
        OffTheShelf(name)


@pytest.mark.parametrize("name", ["whisper:medium", "pocketsphinx"])
def test_a_library_that_is_missing_is_named(name, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(InputError, match=f"--extras {name.partition(':')[0]}"):
        off_the_shelf.check_name(name)
