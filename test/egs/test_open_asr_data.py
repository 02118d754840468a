"""Stage 1 of open/asr: needs the corpora (CORPORA names their folder); says so when it skips."""

from pathlib import Path

import pytest
import soundfile
from conftest import FS, voice  # the shared voices of test/conftest.py

from toolkit.io.datadir import DataDir, read_table

from .test_speechocean762_sv import CORPORA, needs_corpora


@pytest.fixture(scope="module")
def data(tree):
    """Its data dirs."""
    folder = tree.copy("open/asr")
    done = tree.run(folder, "local/data.sh")
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "data"


@needs_corpora
def test_every_utterance_has_its_transcript_and_no_talker_is_in_two_sets(data):
    sets = [DataDir(data / name) for name in ("train", "dev", "test", "libri_test")]
    for one in sets:
        one.check_same_keys("text", "utt2spk", "wav.scp")
    talkers = [{*one.table("utt2spk").values()} for one in sets]
    assert len(set.union(*talkers)) == sum(map(len, talkers))


@needs_corpora
def test_words_of_speech_commands_are_those_of_their_files(data):
    wav, text = read_table(data / "train/wav.scp"), read_table(data / "train/text")
    words = {utt: path for utt, path in wav.items() if "speech_commands" in path}
    dev = {utt: path for utt, path in read_table(data / "dev/wav.scp").items() if "speech_commands" in path}
    assert len(words | dev) == 1660
    assert len({utt.split("-")[1] for utt in words | dev}) == 212
    for utt, path in words.items():
        assert text[utt].lower() in (Path(path).parent.name, Path(path).name.split("_")[0])


@needs_corpora
def test_the_transcripts_of_librispeech_are_the_published_ones(data):
    published = {}
    for path in Path(CORPORA, "LibriSpeech/test-clean").rglob("*.trans.txt"):
        published |= dict(line.split(" ", 1) for line in path.read_text().splitlines())
    assert read_table(data / "libri_test/text") == {utt: published[utt] for utt in read_table(data / "libri_test/text")}


@needs_corpora
def test_a_file_that_is_no_word_of_speech_commands_is_named(tree, data, tmp_path):
    for name in ("speechocean762", "LibriSpeech"):
        (tmp_path / name).symlink_to(Path(CORPORA, name))
    odd = tmp_path / "speech_commands_test_set_v0.02/down/mine.wav"
    odd.parent.mkdir(parents=True)
    soundfile.write(odd, voice(0, 0, 0.5), FS)
    done = tree.run(data.parent, "local/data.sh", "--outdir", str(tmp_path / "data"), CORPORA=str(tmp_path))
    assert done.returncode == 1
    assert f"{odd}: expected" in done.stderr
