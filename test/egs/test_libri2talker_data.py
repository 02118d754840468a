"""Stage 1 of Libri-2talker: its lists and Libri2Mix's metadata as plans; lists with faults."""

import re
import shutil

import numpy as np
import pytest
from helpers.libri2mix_corpora import folders, format_sources, load_program, mixed, write_corpora, write_lists

from toolkit.io.datadir import DataDir, read_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import read_plan
from toolkit.simulate.render import render
from toolkit.simulate.sets import open_set

SETS = {"train": "tr", "dev": "cv", "test": "tt"}
GRID = 1 / 32768


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh, and what the lists say."""
    root = write_corpora(tmp_path_factory.mktemp("corpora"))
    return root, write_lists(root)


@pytest.fixture(scope="module")
def program():
    """egs/libri2talker/prepare_data.py."""
    return load_program("libri2talker")


@pytest.fixture
def prepare(program, corpora, monkeypatch):
    """Call it for a folder of sets."""

    def call(root, words: str = "--partial", corpora=corpora[0]):
        for variable, folder in folders(corpora).items():
            monkeypatch.setenv(variable, folder)
        program.main(f"--outdir {root}/data --dumpdir {root}/dump --workers 1 {words}".split())

    return call


def test_plans_are_what_the_lists_say(prepare, corpora, tmp_path):
    prepare(tmp_path)
    format_sources(tmp_path, 16000)
    assert {path.name for path in (tmp_path / "data").iterdir()} == {*SETS, "librispeech_train", "librispeech_test"}
    for name, lists in SETS.items():
        mixtures, audio, _ = open_set(tmp_path / "data" / name)
        enrolled = read_table(tmp_path / "data" / name / "utt2enroll")
        assert len(mixtures) == len(corpora[1][lists])
        for (key, mixture), (row, talker, enrolment) in zip(mixtures.items(), corpora[1][lists], strict=True):
            utts = row["mixture_ID"].split("_")
            assert key == (row["mixture_ID"] if talker == 1 else f"{utts[1]}_in_{row['mixture_ID']}")
            assert (mixture.fs, enrolled[key]) == (16000, enrolment)
            assert mixture.speaker == enrolment.split("-")[0]
            assert [source.gain for source in mixture.sources] == [
                float(row[f"source_{n}_gain"]) for n in (talker, 3 - talker)
            ]
            parts, streams = mixed(corpora[0], row, 16000, "min"), render(mixture, audio)
            for stream, part in (("wav", "mix_clean"), ("spk1", f"s{talker}"), ("spk2", f"s{3 - talker}")):
                np.testing.assert_allclose(
                    streams[stream], np.clip(parts[part], -1, 1 - GRID), rtol=0, atol=0.55 * GRID
                )
    assert "utt2sir" in DataDir(tmp_path / "data/test")
    assert "utt2sir" not in DataDir(tmp_path / "data/train")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "cv/mix.scp",
            "s0c1",
            "s1c1",
            "cv/mix.scp:1: must be a new s0..._<utt1>_<utt2>_<enrolment> and the path of its",
        ),
        ("cv/mix.scp", "/mix_clean/", "/mix_both/", "cv/mix.scp:1: must be a new"),
        ("cv/aux.scp", ".flac\n", "\n", "cv/aux.scp:1: must be a new"),
        (
            "cv/ref.scp",
            "/s2/",
            "/s1/",
            "cv/ref.scp:1: s1 is 84-120-0000, must be a talker of 84-120-0000_1272-121-0001",
        ),
        ("tt/mix.scp", "61-120-0000_", "61-120-0009_", "tt/mix.scp:1: s0c1r0n0_61-120-0009_"),
        ("tt/mix.scp", "\n", "\n\n", "tt/mix.scp:2: "),
        ("tr/aux.scp", None, "", "tr/aux.scp: file not found; is LIBRI2TALKER the folder"),
    ],
)
def test_a_bad_list_is_named(prepare, corpora, tmp_path, name, old, new, message):
    root = shutil.copytree(corpora[0], tmp_path / "corpora")
    path = root / "target_speaker_verification/egs/Libri2Mix/data" / name
    if old is None:
        path.unlink()
    else:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new) if old == "61-120-0000_" else text.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)):
        prepare(tmp_path / "out", corpora=root)


def test_what_is_missing_is_named_with_where_to_get_it(prepare, corpora, tmp_path, capsys):
    with pytest.raises(InputError, match="libri2mix_train-clean-100.csv: 6 mixtures, published are 13900"):
        prepare(tmp_path / "whole", words="")
    root = shutil.copytree(corpora[0], tmp_path / "corpora")
    (row, _, enrolment), *_ = corpora[1]["cv"]
    next((root / "LibriSpeech").rglob(f"{enrolment}.flac")).unlink()
    prepare(tmp_path, corpora=root)
    message = capsys.readouterr().err
    assert f"cv/aux.scp: 1 enrolments have no audio: {enrolment}" in message
    assert "cv: 1 targets, published are 2344" in message
    assert [mixture.id.split("_in_")[-1] for mixture in read_plan(tmp_path / "data/dev/mix.jsonl")] == [
        row["mixture_ID"]
    ]
    shutil.rmtree(root / "target_speaker_verification")
    with pytest.raises(InputError, match="LIBRI2TALKER=.*github xuchenglin28/target_speaker_verification"):
        prepare(tmp_path / "none", corpora=root)
