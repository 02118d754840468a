import numpy as np
import pytest
import soundfile

from toolkit.bin.distinct_audio import main
from toolkit.io.datadir import read_table, write_table


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two sets of two utterances; the second holds one of the first's recordings in a file of its own, one quieter."""
    monkeypatch.chdir(tmp_path)
    speech = {utt: 0.1 * np.random.default_rng(i).standard_normal(800) for i, utt in enumerate(("s0-a", "s1-a"))}
    for name, gains in (("rain_0", (1, 1)), ("rain_5", (1, 0.5))):
        table = {}
        for (utt, wav), gain in zip(speech.items(), gains, strict=True):
            table[utt] = f"raw/{name}/{utt}.wav"
            (tmp_path / "raw" / name).mkdir(parents=True, exist_ok=True)
            soundfile.write(table[utt], gain * wav, 8000)
        write_table(f"raw/{name}/spk1.scp", table)
        write_table(f"raw/{name}/utt2spk", {utt: utt[:2] for utt in speech})
    return tmp_path


def test_a_recording_stands_there_once_and_every_utterance_finds_its_own(root, capsys):
    main(["--data_root", "raw", "--sets", "rain_0", "rain_5", "--stream", "spk1", "--output", "out"])
    wav = read_table("out/distinct/wav.scp")
    assert len(wav) == 3
    assert set(read_table("out/distinct/utt2spk").values()) == {"s0", "s1"}
    assert "3 different recordings of 4 utterances of 2 sets" in capsys.readouterr().out
    for name in ("rain_0", "rain_5"):
        own, actual = read_table(f"raw/{name}/spk1.scp"), read_table(f"out/{name}/utt2distinct")
        assert own.keys() == actual.keys()
        for utt, path in own.items():
            assert np.array_equal(soundfile.read(path)[0], soundfile.read(wav[actual[utt]])[0])
