"""Spoken commands: the words match the slots; the corpus beside them stays the same."""

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.bin import prepare_minicorpus as prepare_cli
from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError
from toolkit.simulate.minicorpus.bank import read_tsv
from toolkit.simulate.minicorpus.commands import draw_command, say_command
from toolkit.simulate.minicorpus.corpus import Settings, make_minicorpus
from toolkit.simulate.minicorpus.voices import draw_speakers

ROOT = Path(__file__).parents[3]
SIZES = {"train_speakers": 2, "dev_speakers": 1, "test_speakers": 1, "babble_speakers": 1, "utterances": 2}
SIZES |= {"noises": 1, "pieces": 1, "rooms": 1}
# What a listener takes from a word.
MEANS = {
    "action": {
        "activate": {"ON", "START"},
        "deactivate": {"OFF", "STOP"},
        "increase": {"UP", "INCREASE", "RAISE"},
        "decrease": {"DOWN", "REDUCE", "LOWER"},
        "bring": {"BRING", "FETCH", "GET"},
    },
    "object": {
        "lights": {"LIGHTS", "LAMPS"},
        "heating": {"HEATING", "RADIATORS"},
        "music": {"MUSIC", "RADIO"},
        "fan": {"FAN", "VENTILATION"},
        "newspaper": {"NEWSPAPER", "MAGAZINE"},
        "shoes": {"SHOES", "SLIPPERS"},
        "juice": {"JUICE", "LEMONADE"},
        "blanket": {"BLANKET", "CUSHION"},
    },
    "place": {place.lower(): {place} for place in ("KITCHEN", "BEDROOM", "GARAGE", "OFFICE")},
}


def understood(text: str) -> dict[str, str]:
    """The slots of a command, by its words alone."""
    values_by_slot = {
        slot: [value for value, words in values.items() if words & {*text.split()}] for slot, values in MEANS.items()
    }
    assert all(len(values) == 1 for slot, values in values_by_slot.items() if slot != "place")
    return {slot: values[0] if values else "none" for slot, values in values_by_slot.items()}


def test_the_words_of_a_command_are_its_slots():
    commands = [draw_command(np.random.default_rng(seed)) for seed in range(500)]
    assert all(understood(command.text) == command.slots for command in commands)
    assert {len(command.text.split()) for command in commands} == set(range(3, 10))
    assert commands[0].intent == " ".join(f"{slot}={value}" for slot, value in commands[0].slots.items())


def test_values_of_a_slot_are_equally_likely():
    commands = [draw_command(np.random.default_rng(seed)) for seed in range(1000)]
    for slot in ("action", "place"):
        counts = Counter(command.slots[slot] for command in commands)
        assert len(counts) == 5
        assert max(abs(count - 200) for count in counts.values()) < 4.5 * np.sqrt(1000 * 0.2 * 0.8)


def test_a_command_is_of_1_to_4_seconds():
    speaker = draw_speakers(1, seed=0)[0]
    lengths = [len(say_command(speaker, np.random.default_rng(n))[0]) / 16000 for n in range(10)]
    assert 1 <= min(lengths) <= max(lengths) <= 4


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """The same corpus without commands and with three of each speaker."""
    root = tmp_path_factory.mktemp("corpora")
    make_minicorpus(root / "without", Settings(1, **SIZES))
    make_minicorpus(root / "with", Settings(1, **SIZES, commands=3))
    return root


def test_commands_change_nothing_beside_them(corpora):
    without, added = (
        {path.relative_to(corpora / name): path for path in (corpora / name).rglob("*.flac")}
        for name in ("without", "with")
    )
    assert {path.parts[0] for path in added.keys() - without.keys()} == {"commands"}
    assert len(added) == len(without) + 3 * 4  # speakers of babble say none
    for name, path in without.items():
        assert np.array_equal(soundfile.read(path)[0], soundfile.read(added[name])[0])


def test_a_corpus_of_before_there_were_commands_is_complete(corpora, tmp_path):
    shutil.copytree(corpora / "without", tmp_path / "old")
    claim = tmp_path / "old/.settings.json"
    claim.write_text(json.dumps({k: v for k, v in json.loads(claim.read_text()).items() if k != "commands"}))
    assert not make_minicorpus(tmp_path / "old", Settings(1, **SIZES))
    with pytest.raises(InputError, match="commands"):
        make_minicorpus(tmp_path / "old", Settings(1, **SIZES, commands=3))


def test_data_dirs_have_intents(corpora, tmp_path):
    prepare_cli.main(["--corpus", str(corpora / "with"), "--outdir", str(tmp_path)])
    assert {path.name for path in tmp_path.glob("commands_*")} == {f"commands_{p}" for p in ("train", "dev", "test")}
    rows = {Path(row["path"]).stem: row for row in read_tsv(corpora / "with/commands/metadata.tsv")}
    for name in ("train", "dev", "test"):
        path = tmp_path / f"commands_{name}"
        DataDir(path).check_same_keys("text", "utt2intent", "utt2spk")
        assert {*read_table(path / "utt2spk").values()} == {*read_table(tmp_path / name / "utt2spk").values()}
        subprocess.run([ROOT / "utils/validate_data_dir.sh", "--no-feats", path], check=True)
        for utt, intent in read_table(path / "utt2intent").items():
            assert dict(pair.split("=") for pair in intent.split()) == understood(rows[utt]["text"])
