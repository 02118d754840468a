import struct

import numpy as np
import pytest
from helpers.written_audio import EXPECTED, FS, NAN, PCM, WAV_HEADER, N, dangling, in_ark, write

from toolkit.io.audio import AudioInfo, AudioTable, audio_info, read_audio, read_whole
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.folders import audio_files


def lossless(folder, kind):
    return in_ark(folder) if kind == "ark" else write(folder / f"a.{kind}")


@pytest.mark.parametrize("kind", ["wav", "flac", "ark", "aiff"])
def test_lossless_audio_is_read_bit_for_bit(tmp_path, kind):
    samples, rate = read_audio(lossless(tmp_path, kind), "a")
    assert (rate, samples.dtype) == (FS, np.float32)
    np.testing.assert_array_equal(samples, EXPECTED)


@pytest.mark.parametrize("kind", ["wav", "flac", "ark"])
@pytest.mark.parametrize(("start", "frames"), [(0, 100), (1, N - 1), (4321, 777), (N - 1, 1), (300, -1), (N, 0)])
def test_a_crop_is_a_slice_of_the_whole(tmp_path, kind, start, frames):
    samples, _ = read_audio(lossless(tmp_path, kind), "a", start, frames)
    np.testing.assert_array_equal(samples, EXPECTED[start : start + frames if frames >= 0 else N])


def test_opus_has_the_length_and_about_the_samples(tmp_path):
    tone = (0.3 * np.sin(np.arange(N) * 0.05)).astype(np.float32)
    value = write(tmp_path / "a.opus", tone, format="OGG", subtype="OPUS")
    samples, rate = read_audio(value, "a")
    assert (len(samples), rate) == (N, FS)
    assert np.corrcoef(samples, tone)[0, 1] > 0.99
    np.testing.assert_allclose(read_audio(value, "a", 3000, 500)[0], samples[3000:3500], atol=1e-3)


def test_float_wav_is_read_as_it_is(tmp_path):
    samples = np.array([0.1, -1.5, 2.0], np.float32)
    np.testing.assert_array_equal(read_audio(write(tmp_path / "a.wav", samples, subtype="FLOAT"), "a")[0], samples)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("wav", "PCM_24"), ("flac", "PCM_24"), ("wav", "PCM_32"), ("au", "PCM_16")]
)
def test_no_bit_is_lost(tmp_path, kind, subtype):
    samples = (EXPECTED + 2.0**-23).astype(np.float32) if subtype != "PCM_16" else EXPECTED
    value = write(tmp_path / f"a.{kind}", samples, subtype=subtype)
    np.testing.assert_array_equal(read_audio(value, "a", 50, 700)[0], samples[50:750])


def test_info_tells_length_rate_and_channels(tmp_path):
    assert audio_info(write(tmp_path / "a.flac", PCM.reshape(-1, 2), 8000), "a") == AudioInfo(N // 2, 8000, 2)
    assert audio_info(in_ark(tmp_path), "a") == AudioInfo(N, FS, 1)


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF024])
def test_a_wav_written_to_a_pipe_has_no_length_and_is_read(tmp_path, length):
    value = write(tmp_path / "a.wav")
    with open(value, "r+b") as handle:
        handle.seek(WAV_HEADER - 4)
        handle.write(struct.pack("<I", length))
    np.testing.assert_array_equal(read_audio(value, "a")[0], EXPECTED)


@pytest.mark.parametrize(("start", "frames"), [(0, N + 1), (N - 5, 6), (N + 1, -1), (N + 1, 0)])
def test_a_crop_beyond_the_end_is_refused(tmp_path, start, frames):
    with pytest.raises(InputError, match=f"a.wav: has {N} samples, expected {start} to"):
        read_audio(write(tmp_path / "a.wav"), "utt-a", start, frames)


@pytest.mark.parametrize("channel", [0, 1, "mean"])
def test_channel_choice(tmp_path, channel):
    stereo = PCM.reshape(-1, 2)
    samples, _ = read_whole(write(tmp_path / "a.wav", stereo), "a", channel)
    expected = stereo.mean(1) if channel == "mean" else stereo[:, channel]
    np.testing.assert_array_equal(samples * 32768, expected)


@pytest.mark.parametrize("channel", [None, 0, "mean"])
def test_one_channel_is_the_first_and_the_mean(tmp_path, channel):
    np.testing.assert_array_equal(read_whole(write(tmp_path / "a.wav"), "a", channel)[0], EXPECTED)


def test_one_channel_is_no_other(tmp_path):
    with pytest.raises(InputError, match="utt-a: .*a.wav: has no channel 1, only 0"):
        read_whole(write(tmp_path / "a.wav"), "utt-a", 1)


@pytest.mark.parametrize("channel", [2, -1])
def test_a_channel_that_is_not_there(tmp_path, channel):
    with pytest.raises(InputError, match=f"utt-a: .*a.wav: has no channel {channel}, only 0 to 1"):
        read_whole(write(tmp_path / "a.wav", PCM.reshape(-1, 2)), "utt-a", channel)


def test_the_other_channels_may_be_bad(tmp_path):
    value = write(tmp_path / "a.wav", np.stack([EXPECTED, NAN], 1), subtype="FLOAT")
    np.testing.assert_array_equal(read_whole(value, "a", 0)[0], EXPECTED)


@pytest.fixture
def data_dir(tmp_path):
    def make(name, wav, **tables):
        for table, rows in {"wav.scp": wav, **tables}.items():
            write_table(tmp_path / name / table, rows)
        return tmp_path / name

    return make


def test_a_table_joins_data_dirs(tmp_path, data_dir):
    first = data_dir("one", {"b": write(tmp_path / "b.wav")})
    second = data_dir("two", {"B": in_ark(tmp_path), "b": tmp_path / "b.wav"})
    table = AudioTable(first, second, fs=FS)
    assert table.keys() == ["B", "b"]
    np.testing.assert_array_equal(table.read("B", 10, 20), EXPECTED[10:30])
    np.testing.assert_array_equal(table.read("b"), EXPECTED)


def test_the_last_whole_recordings_are_kept_when_asked_for(tmp_path, data_dir):
    wav = {key: write(tmp_path / f"{key}.wav", PCM + n) for n, key in enumerate("abc")}
    table = AudioTable(data_dir("one", wav), fs=FS, keep=2)
    first = {key: table.read(key) for key in "abc"}
    assert {key: table.read(key, 7, 9)[0] for key in "abc"} == {key: first[key][7] for key in "abc"}
    assert [table.read(key) is first[key] for key in "cbab"] == [True, True, False, False]
    np.testing.assert_array_equal(table.read("a"), EXPECTED)
    with pytest.raises(ValueError, match="read-only"):
        first["a"] *= 2


def test_lengths_come_from_the_table_else_from_the_header(tmp_path, data_dir):
    wav = {"a": write(tmp_path / "a.wav"), "b": "nowhere.wav"}
    table = AudioTable(data_dir("one", wav, utt2num_samples={"b": 123}))
    assert (table.num_samples("a"), table.num_samples("b")) == (N, 123)


def test_another_rate_is_refused_even_in_a_crop(tmp_path, data_dir):
    value = write(tmp_path / "a.wav", PCM[:100], 8000)
    table = AudioTable(data_dir("one", {"utt-a": value}, utt2num_samples={"utt-a": 200}), fs=FS)
    with pytest.raises(InputError, match=f"utt-a: {value}: is at 8000 Hz, expected 16000 Hz"):
        table.read("utt-a", 0, 200)
    assert len(AudioTable(data_dir("one", {"utt-a": value})).read("utt-a")) == 100


def test_one_id_for_two_recordings_is_refused(data_dir):
    with pytest.raises(InputError, match=r"two/wav.scp: id b names another recording"):
        AudioTable(data_dir("one", {"a": "x", "b": "x"}), data_dir("two", {"b": "y"}))


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ({"segments": {"a": "r 0 1"}}, r"one: has segments; run the format stage"),
        *(
            ({"utt2num_samples": {"a": n}}, rf"one/utt2num_samples: .*number of samples: a {n}")
            for n in ("1.5", "-5", "0", "9" * 20)
        ),
    ],
)
def test_data_dirs_that_were_not_formatted(data_dir, tables, complaint):
    with pytest.raises(InputError, match=complaint):
        AudioTable(data_dir("one", {"r": "x.wav"}, **tables))


def test_unknown_ids_and_data_dirs_are_named(tmp_path, data_dir):
    with pytest.raises(InputError, match=r"nowhere/wav.scp: no such file"):
        AudioTable(tmp_path / "nowhere")
    with pytest.raises(InputError, match="utt-z: no such id"):
        AudioTable(data_dir("one", {"a": "x"})).read("utt-z")


def test_a_folder_with_links_to_missing_files_is_refused(tmp_path):
    write(tmp_path / "c.wav")
    first = dangling(tmp_path / "a.wav")
    dangling(tmp_path / "b.wav")
    with pytest.raises(InputError, match=f"{first}.*2 such links"):
        audio_files(tmp_path)
