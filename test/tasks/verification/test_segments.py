"""Embeddings of segments: where they lie, short and long audio, batch == single."""

import numpy as np
import pytest
import soundfile
import torch

from toolkit.bin import embed_utterances
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.embeddings import read_rows
from toolkit.io.errors import InputError
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.segments import crops_of, embed_segments, segment_starts

FS = 16000


@pytest.mark.parametrize(
    ("length", "size", "number", "expected"),
    [
        (100, 10, 4, [0, 30, 60, 90]),
        (100, 10, 1, [0]),
        (64, 10, 5, [0, 13, 27, 40, 54]),  # linspace(0, 54, 5) = 0, 13.5, 27, 40.5, 54
        (10, 10, 3, [0, 0, 0]),
        (7, 10, 3, [0, 0, 0]),
        (30, 10, 0, [0, 10, 20]),
        (35, 10, 0, [0, 10, 20, 25]),
        (10, 10, 0, [0]),
        (3, 10, 0, [0]),
    ],
)
def test_starts(length, size, number, expected):
    assert segment_starts(length, size, number).tolist() == expected


def test_the_published_protocol_of_ten_crops():
    """400 frames of 10 ms and a window's rest: 64,240 samples, the last of them the utterance's last."""
    starts = segment_starts(160_000, round(4.015 * FS), 10)
    assert starts[-1] + 64_240 == 160_000
    assert np.diff(starts).tolist() == pytest.approx([(160_000 - 64_240) / 9] * 9, abs=1)


def test_short_audio_is_repeated():
    assert crops_of(np.arange(3), 8, 2).tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]] * 2


@pytest.fixture(scope="module")
def embedder():
    torch.manual_seed(0)
    return SpeakerEmbedder(KaldiFbank(), EcapaTdnn(channels=16, mfa_channels=24, embedding_dim=8)).eval()


@pytest.fixture
def audio(tmp_path):
    """Utterances of 0.2 to 2.5 s."""
    rng, table = np.random.default_rng(0), {}
    for i, seconds in enumerate((0.2, 0.5, 0.51, 1.0, 2.5)):
        path = tmp_path / f"u{i}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * FS)), FS, subtype="FLOAT")
        table[f"u{i}"] = str(path)
    write_table(tmp_path / "wav.scp", table)
    return AudioTable(tmp_path)


@pytest.mark.parametrize("number", [0, 1, 4])
@pytest.mark.parametrize("batch_seconds", [0.5, 2.0, 60.0])
def test_segments_are_embedded_as_single_utterances_are(embedder, audio, monkeypatch, number, batch_seconds):
    monkeypatch.setattr("toolkit.tasks.verification.segments.BATCH_SECONDS", batch_seconds)
    ids, size = ["u3", "u0", "u4", "u1", "u2"], FS // 2
    actual = list(embed_segments(Verifier(embedder), audio, ids, number, 0.5))
    assert [key for key, _ in actual] == ids
    for key, matrix in actual:
        crops = crops_of(audio.read(key), size, number)
        with torch.inference_mode():
            expected = np.concatenate([embedder(torch.from_numpy(crop[None].copy())).numpy() for crop in crops])
        assert matrix.shape == (number or {"u0": 1, "u1": 1, "u2": 2, "u3": 2, "u4": 5}[key], 8)
        assert np.abs(matrix - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


def test_an_embedding_that_is_not_finite_is_named(audio):
    broken = SpeakerEmbedder(KaldiFbank(), EcapaTdnn(channels=16, mfa_channels=24, embedding_dim=8))
    torch.nn.init.constant_(next(broken.parameters()), torch.nan)
    with pytest.raises(InputError, match="u0: the embedding of a segment is not finite"):
        list(embed_segments(Verifier(broken), audio, audio.keys(), 2, 0.5))


FLOOR = "model: {class_path: toolkit.models.sv.mean_fbank.MeanFbank}\nnormalize: none\n"


@pytest.fixture
def job(corpus, tmp_path):
    """Words of an embed_utterances job over four utterances with the floor system, and their ids."""
    (tmp_path / "config.yaml").write_text(FLOOR)
    keys = AudioTable(corpus / "raw/dev").keys()[:4]
    (tmp_path / "work").write_text("".join(f"dev {key}\n" for key in keys))
    roots = ["--in_root", str(corpus / "raw"), "--out_root", str(tmp_path / "out"), "--model", str(tmp_path)]
    return [*roots, "--work", str(tmp_path / "work"), "--job", "1"], keys, tmp_path / "out/dev/.jobs/1/embedding.scp"


def test_the_program_writes_a_matrix_for_each_utterance(job):
    words, keys, scp = job
    embed_utterances.main([*words, "--num_segments", "3", "--segment_seconds", "0.5"])
    places, rows, counts = next(iter(read_rows(read_table(scp), keys, "scp")))
    assert (len(places), rows.shape, counts.tolist()) == (4, (12, 80), [3] * 4)


def test_the_program_without_segments_writes_vectors(job):
    words, keys, scp = job
    embed_utterances.main(words)
    _, rows, counts = next(iter(read_rows(read_table(scp), keys, "scp")))
    assert (rows.shape, counts) == ((4, 80), None)


@pytest.mark.parametrize("bad", [["--num_segments", "-1"], ["--num_segments", "3", "--segment_seconds", "0"]])
def test_settings_out_of_range(job, capsys, bad):
    assert run(embed_utterances.main, [*job[0], *bad]) == 1
    assert f"{bad[-2]} {bad[-1]}: must be" in capsys.readouterr().err
