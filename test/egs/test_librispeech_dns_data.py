"""Stage 1 of librispeech_dns: layouts, sets, corpora with faults; its configs; a plan of a number of mixtures."""

import shutil
from pathlib import Path

import pytest
import soundfile
from conftest import FS, voice  # the shared voices of test/conftest.py

from toolkit.bin import train
from toolkit.io.datadir import read_table

PARTS = {"train-clean-100": ["103", "1034"], "train-other-500": ["20"], "dev-clean": ["84"], "test-clean": ["61"]}
OPTIONS = "--partial --train_parts train-clean-100 train-other-500 --valid_parts dev-clean"


def write(path: Path, speaker: int, number: int, rate: int = FS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, voice(speaker, number, 0.3), rate)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """LibriSpeech and DNS-Challenge in miniature, as they are published."""
    root = tmp_path_factory.mktemp("corpora")
    speech, lines = root / "LibriSpeech", [";ID  |SEX| SUBSET           |MINUTES| NAME"]
    for part, speakers in PARTS.items():
        for speaker in speakers:
            lines.append(f"{speaker:<5}| {'FM'[int(speaker) % 2]} | {part:<17}| 25.03 | A | B")
            chapter, text = speech / part / speaker / "7", ""
            for number in range(2):
                write(chapter / f"{speaker}-7-{number:04d}.flac", int(speaker) % 5, number)
                text += f"{speaker}-7-{number:04d} CHAPTER {number}\n"
            (chapter / f"{speaker}-7.trans.txt").write_text(text)
    (speech / "SPEAKERS.TXT").write_text("\n".join(lines) + "\n")
    for recording in range(5):
        for clip in range(2):  # at 48 kHz, and with names as AudioSet has them
            write(root / f"DNS-Challenge/datasets/noise/-x{recording} y_{clip}.wav", 1, clip, 48000)
    return root


@pytest.fixture
def prepare(tree, corpora, tmp_path):
    """Run stage 1 over a copy of the corpora that the test may spoil, into data/ of a folder of its own."""
    if not (tree.path / "egs/librispeech_dns").exists():
        tree.copy("librispeech_dns/se")
    mine, data = shutil.copytree(corpora, tmp_path / "corpora"), tmp_path / "data"

    def call(words: str = OPTIONS):
        folder = tree.path / "egs/librispeech_dns/se"
        return tree.run(folder, "local/data.sh", "--outdir", str(data), *words.split(), CORPORA=str(mine))

    return call, mine, data


def test_sets_of_the_published_layouts(prepare):
    call, _, data = prepare
    done = call()
    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stderr
    assert "train-clean-100 has 4 utterances, published are 28539" in done.stderr
    assert set(read_table(data / "train/utt2spk").values()) == {"103", "1034", "20"}
    assert read_table(data / "train/spk2gender") == {"103": "m", "1034": "f", "20": "f"}
    assert read_table(data / "test/text") == {"61-7-0000": "CHAPTER 0", "61-7-0001": "CHAPTER 1"}
    assert set(read_table(data / "valid/utt2spk").values()) == {"84"}


def test_clips_of_a_recording_stay_together(prepare):
    call, _, data = prepare
    assert call(f"{OPTIONS} --test_share 0.4").returncode == 0
    sets = [set(read_table(data / f"noise_{part}/wav.scp")) for part in ("train", "valid", "test")]
    assert [len(keys) for keys in sets] == [4, 2, 4]
    assert len({key[:-2] for keys in sets for key in keys}) == 5
    for keys in sets:
        assert {f"{key[:-1]}{clip}" for key in keys for clip in "01"} == keys


@pytest.mark.parametrize("layout", ["datasets_fullband/noise_fullband", "noise", "."])
def test_other_layouts_of_the_noise_give_the_same_sets(prepare, layout):
    call, corpora, data = prepare
    assert call().returncode == 0
    before = [list(read_table(data / f"noise_{part}/wav.scp")) for part in ("train", "valid", "test")]
    root = corpora / "DNS-Challenge"
    (root / layout).mkdir(parents=True, exist_ok=True)
    for path in (root / "datasets/noise").iterdir():
        path.rename(root / layout / path.name)
    shutil.rmtree(root / "datasets")
    assert call().returncode == 0
    assert [list(read_table(data / f"noise_{part}/wav.scp")) for part in ("train", "valid", "test")] == before


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (lambda root: shutil.rmtree(root / "DNS-Challenge"), OPTIONS, "get it from github microsoft/DNS-Challenge"),
        (
            lambda root: shutil.rmtree(root / "LibriSpeech/dev-clean"),
            OPTIONS,
            "holds no dev-clean; get it from openslr",
        ),
        (lambda root: None, OPTIONS.replace("--partial", ""), "published are 28539; get what is missing, or use"),
        (lambda root: next(root.rglob("61-7.trans.txt")).unlink(), OPTIONS, "test-clean: no transcript (*.trans.txt)"),
        (
            lambda root: next(root.rglob("61-7-0000.flac")).rename(root / "LibriSpeech/test-clean/61-7-0000.flac"),
            OPTIONS,
            "expected <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac",
        ),
        (lambda root: None, f"{OPTIONS} --test_parts dev-clean", "dev-clean is in two of them"),
        (lambda root: None, f"{OPTIONS} --test_share 0.9", "leave none for training"),
        (lambda root: (root / "LibriSpeech/SPEAKERS.TXT").write_text("x|y\n"), OPTIONS, "SPEAKERS.TXT:1: expected"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_written(prepare, spoil, words, message):
    call, corpora, data = prepare
    spoil(corpora)
    done = call(words)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not data.exists()


@pytest.mark.parametrize("name", ["train_convtasnet_snr", "finetune_convtasnet_lmfb", "train_demucs"])
def test_configs_are_whole(name, capsys):
    """Those of the published models, which checking would fetch, are based on the first."""
    config = Path(__file__).parents[2] / f"egs/librispeech_dns/se/conf/{name}.yaml"
    train.main(["se", "--config", str(config), "--check"])
    assert capsys.readouterr().out == "stream: wav\nmixing: false\nfs: 16000\nstreams: wav spk1\n"
