"""Stage 1 of librispeech/asr: sets with their transcripts, corpora with faults."""

import shutil

import pytest
import soundfile
from conftest import FS, voice  # the shared voices of test/conftest.py

from toolkit.io.datadir import DataDir, read_table

PARTS = {"train-clean-100": "103", "train-other-500": "20", "dev-clean": "84", "dev-other": "116"}
PARTS |= {"test-clean": "61", "test-other": "367"}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """LibriSpeech in miniature: two utterances of a speaker in each part."""
    root, lines = tmp_path_factory.mktemp("corpora"), [";ID  |SEX| SUBSET           |MINUTES| NAME"]
    for part, speaker in PARTS.items():
        lines.append(f"{speaker:<5}| {'FM'[int(speaker) % 2]} | {part:<17}| 25.03 | A | B")
        chapter = root / "LibriSpeech" / part / speaker / "7"
        chapter.mkdir(parents=True)
        for number in range(2):
            soundfile.write(chapter / f"{speaker}-7-{number:04d}.flac", voice(int(speaker) % 5, number, 0.3), FS)
        texts = [f"{speaker}-7-{number:04d} WORDS OF {speaker} {number}\n" for number in range(2)]
        (chapter / f"{speaker}-7.trans.txt").write_text("".join(texts))
    (root / "LibriSpeech/SPEAKERS.TXT").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def prepare(tree, corpora, tmp_path):
    """Run stage 1 over a copy of the corpus that the test may spoil."""
    if not (tree.path / "egs/librispeech").exists():
        tree.copy("librispeech/asr")
    mine, data = shutil.copytree(corpora, tmp_path / "corpora"), tmp_path / "data"

    def call(*words: str):
        folder = tree.path / "egs/librispeech/asr"
        return tree.run(folder, "local/data.sh", "--outdir", str(data), *words, CORPORA=str(mine))

    return call, mine / "LibriSpeech", data


def test_sets_have_the_transcripts_beside_the_audio(prepare):
    call, _, data = prepare
    done = call("--partial", "--train_parts", "train-clean-100", "train-other-500")
    assert done.returncode == 0, done.stderr
    speakers = {"train": ["103", "20"], "dev_clean": ["84"], "dev_other": ["116"], "test_clean": ["61"]}
    for name, those in {**speakers, "test_other": ["367"]}.items():
        DataDir(data / name).check_same_keys("text", "utt2spk")
        words = {f"{s}-7-{n:04d}": f"WORDS OF {s} {n}" for s in those for n in range(2)}
        assert read_table(data / name / "text") == words
    assert read_table(data / "train/spk2gender") == {"103": "m", "20": "f"}


@pytest.mark.parametrize(
    ("spoil", "words", "named"),
    [
        (lambda root: shutil.rmtree(root / "test-other"), ["--partial"], "test-other"),
        (lambda root: None, [], "published are 28539"),
        (lambda root: next(root.rglob("84-7.trans.txt")).unlink(), ["--partial"], "84-7-0000"),
        (lambda root: next(root.rglob("84-7.trans.txt")).write_text("84-7-0000 A\n"), ["--partial"], "84-7-0001"),
        (lambda root: None, ["--train_parts", "test-clean"], "test-clean"),
    ],
)
def test_a_fault_is_named_before_anything_is_written(prepare, spoil, words, named):
    call, root, data = prepare
    spoil(root)
    done = call(*words)
    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not data.exists()
