"""Stage 1 of VoxCeleb1: layouts, lists, what is held out, and corpora with faults."""

import importlib
import shutil
from pathlib import Path

import pytest
import soundfile
from helpers.voxceleb1_corpora import LISTS, write_corpora

from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError
from toolkit.io.trials import read_trials

LOCAL = "--partial --valid_speakers 2 --valid_videos 1"


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture
def prepare(tree, corpora, tmp_path):
    """Run local/data.sh in a folder of its own, over a copy of VoxCeleb1 that the test may spoil."""
    if not (tree.path / "egs/voxceleb1").exists():
        tree.copy("voxceleb1/sv")
    vox = shutil.copytree(corpora / "VoxCeleb1", tmp_path / "vox")
    data = tmp_path / "data"

    def call(*words: str, corpora=corpora, **environment):
        folder, variables = tree.path / "egs/voxceleb1/sv", {"CORPORA": str(corpora), **environment}
        shutil.copytree(tree.path / "egs/TEMPLATE/db.d", tmp_path / "db.d", dirs_exist_ok=True)
        shutil.copy(tree.path / "egs/TEMPLATE/db.sh", tmp_path)
        db = tmp_path / "db.d/voxceleb1.sh"
        db.write_text(db.read_text().replace("${CORPORA}/VoxCeleb1", str(vox)))
        words = f". ./path.sh; set -a; . {tmp_path}/db.sh; python3 ../prepare_data.py --outdir {data} " + " ".join(
            words
        )
        return tree.run(folder, "bash", "-c", words, **variables)

    return call, vox, data


@pytest.mark.parametrize("layout", ["wav", "dev/wav", "."])
def test_the_folders_of_the_corpus_do_not_matter(prepare, layout):
    call, vox, data = prepare
    assert call(LOCAL, "--corpora").returncode == 0
    before = {name: (data / name / "utt2spk").read_text() for name in ("train", "valid", "voxceleb1_o")}
    for part in ("dev", "test"):
        for speaker in (vox / f"vox1_{part}_wav/wav").iterdir():
            target = vox / layout.replace("dev", part)
            target.mkdir(parents=True, exist_ok=True)
            speaker.rename(target / speaker.name)
    done = call(LOCAL, "--corpora")
    assert done.returncode == 0, done.stderr
    assert {name: (data / name / "utt2spk").read_text() for name in before} == before
    assert "vox1_dev_wav" not in (data / "train/wav.scp").read_text()


def test_rooms(prepare):
    call, _, data = prepare
    done = call(LOCAL, "--corpora rirs_noises")
    assert done.returncode == 0, done.stderr
    rooms = read_table(data / "rirs_simulated/utt2spk")
    assert rooms["smallroom-Room001-00002"] == "smallroom-Room001"
    assert (len(rooms), len(set(rooms.values()))) == (6, 3)
    real = read_table(data / "rirs_real/wav.scp")
    assert list(real) == ["RVB2014_type1_rir_largeroom1_far_angla", "air_type1_air_phone_office_hfrp"]
    samples, _ = soundfile.read(real["RVB2014_type1_rir_largeroom1_far_angla"])
    assert samples.ndim == 1
    assert samples.any()  # the first channel, not the second


def test_validation_can_hold_out_speakers_or_nothing(prepare):
    call, _, data = prepare
    assert call("--partial --valid_by speaker --valid_speakers 3 --corpora").returncode == 0
    train, valid = (set(read_table(data / f"{name}/utt2spk").values()) for name in ("train", "valid"))
    assert (len(train), len(valid), train & valid) == (3, 3, set())
    assert call("--partial --valid_speakers 0 --corpora").returncode == 0
    assert len(read_table(data / "train/utt2spk")) == 36
    assert not (data / "valid").exists()


def spoil_missing_list_file(vox):
    (vox / "vox1_test_wav/wav/id10270/-x_0-y/00001.wav").unlink()


def spoil_second_copy(vox):
    shutil.copytree(vox / "vox1_dev_wav/wav/id10001/-x_0-y", vox / "wav/id10001/-x_0-y")
    (vox / "wav/id10001/-x_0-y/00002.wav").unlink()


def spoil_speaker(vox):
    shutil.rmtree(vox / "vox1_dev_wav/wav/id10003")


def spoil_meta(vox):
    with open(vox / "vox1_meta.csv", "a") as handle:
        handle.write("id10001\tA\tm\tIreland\tdev\n")


def spoil_gender(vox):
    (vox / "vox1_meta.csv").write_text((vox / "vox1_meta.csv").read_text().replace("\tm\t", "\tx\t"))


def spoil_list(vox):
    (vox / "veri_test2.txt").write_text("1 id10270/a/00001.wav\n")


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (spoil_second_copy, LOCAL, "duplicate id id10001--x_0-y-00001, also of"),
        (spoil_speaker, "", "dev has 30 utterances of 5 speakers, published are 148642 of 1211; no folder of id10003"),
        (spoil_meta, LOCAL, "vox1_meta.csv:11: duplicate speaker id10001"),
        (spoil_gender, LOCAL, "vox1_meta.csv:2: expected the columns VoxCeleb1 ID, Gender and Set"),
        (spoil_list, LOCAL, "veri_test2.txt:1: expected"),
        (lambda vox: (vox / "veri_test2.txt").unlink(), LOCAL, "holds no veri_test2.txt, get it from mm.kaist.ac.kr"),
        (lambda vox: (vox / "vox1_meta.csv").unlink(), LOCAL, "holds no vox1_meta.csv, get it from"),
        (lambda vox: [shutil.rmtree(p) for p in vox.glob("vox1_*_wav")], LOCAL, "is it VoxCeleb1, unpacked?"),
        (lambda vox: shutil.rmtree(vox), LOCAL, "no such folder; get it from mm.kaist.ac.kr"),
        (lambda vox: None, f"{LOCAL} --valid_speakers 7", "dev has 6 with more than 1 videos"),
        (lambda vox: None, f"{LOCAL} --valid_videos 3", "dev has 0 with more than 3 videos"),
        (lambda vox: None, f"{LOCAL} --valid_by speaker --valid_speakers 6", "dev has 5 besides one to train"),
    ],
)
def test_what_is_wrong_is_named(prepare, spoil, words, message):
    call, vox, data = prepare
    spoil(vox)
    done = call(words, "--corpora")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (data / "train").exists()


def test_trials_without_audio_are_an_error_or_listed(prepare):
    call, vox, data = prepare
    spoil_missing_list_file(vox)
    done = call(LOCAL, "--corpora")
    assert done.returncode == 0, done.stderr
    assert "1 utterances have no audio, which 8 of 36 trials need: id10270--x_0-y-00001" in done.stderr
    kept, left_out = (read_trials(data / f"voxceleb1_o/{name}") for name in ("trials", "left_out_trials"))
    assert (len(kept), len(left_out)) == (28, 8)
    assert all("id10270--x_0-y-00001" in pair for pair in left_out.pairs())
    (vox / "vox1_test_wav/wav/id10270/-x_0-y/00001.wav").touch()
    assert call(LOCAL, "--corpora").returncode == 0
    assert not (data / "voxceleb1_o/left_out_trials").exists()  # nothing of an earlier run stays


def test_a_whole_corpus_is_taken_without_a_word(corpora, tmp_path, monkeypatch, capsys):
    """As the real ones are, by the numbers of this one."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "egs/voxceleb1")
    prepare_data, prepare_noises = (importlib.import_module(name) for name in ("prepare_data", "prepare_noises"))
    sizes = {name: len((corpora / "VoxCeleb1" / name).read_text().splitlines()) for name in LISTS}
    lists = {key: (name, sizes.get(name, 0)) for key, (name, _) in prepare_data.LISTS.items()}
    monkeypatch.setattr(prepare_data, "LISTS", lists)
    monkeypatch.setattr(prepare_data, "PUBLISHED", {"dev": (36, 6), "test": (18, 3)})
    monkeypatch.setattr(prepare_noises, "MUSAN_FILES", {"noise": 4, "music": 4, "speech": 12})
    monkeypatch.setattr(prepare_noises, "SIMULATED_FILES", 6)
    for variable, name in (("VOXCELEB1", "VoxCeleb1"), ("VOXCELEB1_LISTS", "VoxCeleb1"), ("MUSAN", "musan")):
        monkeypatch.setenv(variable, str(corpora / name))
    monkeypatch.setenv("RIRS_NOISES", str(corpora))  # the folder that the zip was unpacked in will do too
    words = ["--outdir", str(tmp_path), "--valid_speakers", "2", "--valid_videos", "1"]
    prepare_data.main([*words, "--corpora", "musan", "rirs_noises"])
    assert "warning" not in capsys.readouterr().err
    assert len(read_table(tmp_path / "train/wav.scp")) == 32
    monkeypatch.setattr(prepare_noises, "SIMULATED_FILES", 7)
    with pytest.raises(InputError, match="simulated_rirs: 6 files, published are 7; get what is missing, or use"):
        prepare_data.main([*words, "--corpora", "rirs_noises"])


def test_trials_that_stand_twice_are_kept_and_said(prepare):
    call, vox, data = prepare
    lines = (vox / "veri_test2.txt").read_text().splitlines()
    (vox / "veri_test2.txt").write_text("\n".join([*lines, lines[0]]) + "\n")
    done = call(LOCAL, "--corpora")
    assert done.returncode == 0
    assert "1 trials stand there more than once" in done.stdout
    assert len(read_trials(data / "voxceleb1_o/trials")) == len(lines) + 1


@pytest.mark.parametrize(
    ("corpus", "message"),
    [("musan", "get it from openslr.org/17"), ("nonspeech100", "HuNonspeech"), ("rirs_noises", "openslr.org/28")],
)
def test_a_missing_corpus_is_named_with_its_source(prepare, tmp_path, corpus, message):
    call, _, _ = prepare
    done = call(LOCAL, "--corpora", corpus, corpora=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
