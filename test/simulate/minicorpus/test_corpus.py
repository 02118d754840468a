"""The mini corpus: reproducible, resumable, disjoint splits, sane audio, valid data dirs."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.bin import make_minicorpus as make_cli
from toolkit.bin import prepare_minicorpus as prepare_cli
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.simulate.minicorpus import corpus as minicorpus
from toolkit.simulate.minicorpus.bank import read_tsv
from toolkit.simulate.minicorpus.corpus import Settings, make_minicorpus

TINY = Settings(
    3, train_speakers=4, dev_speakers=2, test_speakers=2, babble_speakers=2, utterances=3, noises=1, pieces=1, rooms=1
)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    outdir = tmp_path_factory.mktemp("mini") / "corpus"
    assert make_minicorpus(outdir, TINY, workers=1)
    return outdir


def pcm(outdir):
    """Relative path -> samples, of every audio file."""
    files = outdir.rglob("*.flac")
    return {str(f.relative_to(outdir)): soundfile.read(f, dtype="int32")[0] for f in files}


def assert_same(one, two):
    one, two = pcm(one), pcm(two)
    assert one.keys() == two.keys()
    assert not [path for path in one if not np.array_equal(one[path], two[path])]


def test_number_of_workers_changes_no_sample(tiny, tmp_path):
    make_minicorpus(tmp_path, TINY, workers=2)
    assert_same(tiny, tmp_path)
    for sort in ("speech", "noise", "music"):
        assert (tiny / sort / "metadata.tsv").read_text() == (tmp_path / sort / "metadata.tsv").read_text()


def test_another_seed_changes_every_recording(tiny):
    actual = pcm(tiny)
    for kind in ("hum", "birds", "bells"):
        split = next(split for split, kinds in minicorpus.NOISES.items() if kind in kinds)
        other = minicorpus.make_noise(split, kind, minicorpus.generator("recording", 4, f"noise/{split}/{kind}"))
        assert not np.array_equal(actual[f"noise/{split}/{kind}/{kind}-001.flac"][:1000], other[:1000])


def test_complete_corpus_is_left_alone(tiny):
    before = {f: f.stat().st_mtime_ns for f in tiny.rglob("*")}
    make_cli.main(["--outdir", str(tiny), "--seed", "3", *_sizes()])
    assert {f: f.stat().st_mtime_ns for f in tiny.rglob("*")} == before


def _sizes() -> list[str]:
    return [word for key, value in vars(TINY).items() if key != "seed" for word in (f"--{key}", str(value))]


@pytest.mark.parametrize("files", [4, 20, 33])
def test_interrupted_corpus_is_completed(tiny, tmp_path, monkeypatch, files):
    shutil.copytree(tiny / "rooms", tmp_path / "rooms")  # what costs most of the time
    written = []

    def write_some(path, *args):
        if len(written) == files:
            raise KeyboardInterrupt
        written.append(path)
        write_flac(path, *args)

    write_flac = minicorpus.write_flac
    monkeypatch.setattr(minicorpus, "write_flac", write_some)
    with pytest.raises(KeyboardInterrupt):
        make_minicorpus(tmp_path, TINY)
    monkeypatch.undo()
    (tmp_path / "speech/.spk001-001.123.tmp.flac").write_bytes(b"what a killed process leaves behind")
    assert not (tmp_path / "corpus.json").exists()
    assert make_minicorpus(tmp_path, TINY)
    assert_same(tiny, tmp_path)


def test_other_settings_are_refused(tiny):
    with pytest.raises(InputError, match="seed 3, not 5.*remove it"):
        make_minicorpus(tiny, Settings(seed=5))


@pytest.mark.parametrize("sizes", [{"rooms": 0}, {"train_speakers": 0}, {"seed": -1}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(InputError, match=next(iter(sizes))):
        Settings(**sizes)


def test_splits_share_no_speaker_and_no_kind_of_noise(tiny):
    for table, column in (("speech", "speaker"), ("noise", "kind")):
        pairs = {(row[column], row["split"]) for row in read_tsv(tiny / table / "metadata.tsv")}
        assert len({value for value, _ in pairs}) == len(pairs)


def test_speech_has_the_sizes_asked_for(tiny):
    rows = read_tsv(tiny / "speech/metadata.tsv")
    speakers = {row["speaker"]: (row["split"], row["gender"]) for row in rows}
    assert sorted(speakers.values()) == sorted(
        [(split, g) for split in ("dev", "test", "babble") for g in "fm"] + 2 * [("train", "f"), ("train", "m")]
    )
    assert len(rows) == 3 * len(speakers)


def test_tables_list_exactly_the_files_and_their_lengths(tiny):
    for sort in ("speech", "noise", "music"):
        rows = read_tsv(tiny / sort / "metadata.tsv")
        assert {row["path"] for row in rows} == {str(f.relative_to(tiny)) for f in (tiny / sort).rglob("*.flac")}
        for row in rows:
            assert float(row["seconds"]) == pytest.approx(soundfile.info(tiny / row["path"]).duration, abs=1e-3)


def test_audio_is_16_khz_neither_clipped_nor_silent(tiny):
    for path in tiny.rglob("*.flac"):
        samples, rate = soundfile.read(path)
        assert rate == 16000
        assert samples.ndim == 1
        assert 0.15 < np.abs(samples).max() < 0.95
        assert abs(samples.mean()) < 0.01
        if "rooms" not in path.parts:
            assert 0.02 < samples.std() < 0.2


def test_lengths_are_in_range(tiny):
    ranges = {"speech": (2, 4), "noise": (6, 10), "music": (6, 10)}
    for sort, (low, high) in ranges.items():
        seconds = [float(row["seconds"]) for row in read_tsv(tiny / sort / "metadata.tsv")]
        assert low <= min(seconds)
        assert max(seconds) <= high


def test_data_dirs_are_valid(tiny, tmp_path, monkeypatch):
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/mini").symlink_to(tiny)
    monkeypatch.chdir(tmp_path)
    prepare_cli.main(["--corpus", "downloads/mini", "--outdir", "data"])
    noise = {"noise_train", "noise_test", "noise_ood", "music_train", "music_test"}
    speech, rirs = {"train", "dev", "test", "babble_test"}, {"rirs_train", "rirs_test"}
    assert {path.name for path in Path("data").iterdir()} == speech | noise | rirs
    for name in speech | noise | rirs:
        data = DataDir(f"data/{name}")
        data.check_same_keys(*data.tables())
        assert all(value.startswith("downloads/") and Path(value).is_file() for value in data.table("wav.scp").values())
        assert ("utt2noise" in data) == (name in noise)
        waived = [] if name in speech else ["--no-text"]
        subprocess.run([ROOT / "utils/validate_data_dir.sh", "--no-feats", *waived, data.path], check=True)
    assert DataDir("data/rirs_test").table("utt2spk")["room-test-001-3"] == "room-test-001"


def test_data_dirs_need_a_complete_corpus(tmp_path):
    with pytest.raises(InputError, match="make_minicorpus --outdir"):
        prepare_cli.main(["--corpus", str(tmp_path), "--outdir", str(tmp_path / "data")])
