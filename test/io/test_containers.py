"""Headers against what is there: containers cut off, headers never finished, files joined; the true length is known."""

import io
import logging
import struct

import numpy as np
import pytest
import soundfile

from toolkit.io.audio import file_info, read_file, read_whole
from toolkit.io.errors import InputError

FS, N = 16000, 16000
TIME = np.arange(N) / FS
TONE = 0.4 * np.sin(2 * np.pi * 200 * TIME) * (1 + np.sin(2 * np.pi * 3 * TIME)) / 2
SILENT_ON_LENGTH = {"PAF", "PVF", "IRCAM", "XI"}  # their headers do not tell it
UNREADABLE = {"RAW", "SD2"}
KINDS = [
    (form, subtype)
    for form in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(form)
    if form not in SILENT_ON_LENGTH | UNREADABLE
]


def encoded(form, subtype=None, samples=TONE, rate=FS, **options) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype, **options)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    """Bytes as a file -> (samples, from its header) of it."""

    def call(data):
        (tmp_path / "a.snd").write_bytes(data)
        samples, _ = read_file(tmp_path / "a.snd", channel=0)
        assert file_info(tmp_path / "a.snd").frames == len(samples)
        return samples

    return call


@pytest.mark.parametrize("form", dict.fromkeys(form for form, _ in KINDS))
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_files_are_read_and_cut_ones_refused(read, form, channels):
    for subtype in (subtype for kind, subtype in KINDS if kind == form):
        try:
            data = encoded(form, subtype, np.stack([TONE] * channels, 1))
        except soundfile.LibsndfileError:  # a container of one channel, or a codec that libsndfile cannot write
            continue
        assert N <= len(read(data)) <= N + 1100, subtype  # codecs fill their last block
        for end in (len(data) // 2, len(data) - 600, len(data) - 9):
            with pytest.raises(InputError, match="a.snd: "):
                read(data[:end])


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_damaged_last_page_of_ogg_is_no_shorter_file(read, subtype):
    data = bytearray(encoded("OGG", subtype))
    data[-20] ^= 1
    with pytest.raises(InputError, match="a.snd: "):
        read(bytes(data))


def test_telephone_speech_of_an_odd_number_of_blocks_is_whole(read):
    data = encoded("WAV", "GSM610", TONE[: 320 * 25], 8000)  # blocks of 320 samples in 65 bytes, and one to even it
    assert 8000 <= len(read(data)) <= 8320
    with pytest.raises(InputError, match="shorter"):
        read(data[:-65])


@pytest.mark.parametrize(
    ("bits", "align", "per_second", "good"),
    [
        (16, 2, 2 * FS, True),
        (12, 2, 2 * FS, True),
        (16, 2, FS, True),  # one wrong number
        (16, 0, 0, True),
        (24, 2, 2 * FS, False),
        (20, 2, 2 * FS, False),
        (32, 2, 2 * FS, False),
        (8, 2, 2 * FS, False),
    ],
)
def test_a_width_against_all_other_numbers_is_refused(read, bits, align, per_second, good):
    """The samples have 16 bits; with another width they would be noise."""
    wav = bytearray(encoded("WAV"))
    wav[28:36] = struct.pack("<IHH", per_second, align, bits)
    if good:
        np.testing.assert_allclose(read(bytes(wav)), TONE, atol=1 / 32768)
    else:
        with pytest.raises(InputError, match="contradicts itself"):
            read(bytes(wav))


def test_a_long_log_hides_no_promise(read):
    """libsndfile's log ends at 2 kB, before it comes to a chunk of audio that lies behind many others."""
    wav, notes = encoded("WAV"), b"INFO" + (b"ICMT" + struct.pack("<I", 60) + bytes([120] * 59 + [0])) * 60
    wav = wav[:36] + b"LIST" + struct.pack("<I", len(notes)) + notes + wav[36:]
    assert len(read(wav)) == N
    with pytest.raises(InputError, match="shorter"):
        read(wav[: len(wav) // 2])


SMALLEST = {  # chunk that holds nothing of use
    "WAV": b"junk\4\0\0\0abcd",
    "AIFF": b"ANNO\0\0\0\4abcd",
    "CAF": b"free" + struct.pack(">q", 4) + b"abcd",
    "W64": b"junk" + bytes.fromhex("f3acd3118cd100c04f8edb8a") + struct.pack("<Q", 32) + b"abcdefgh",
}


@pytest.mark.parametrize("form", SMALLEST)
def test_many_chunks_hide_no_promise(read, form):
    data = encoded(form, "PCM_16")
    at = data.index(b"SSND" if form == "AIFF" else b"data")
    data = data[:at] + 1500 * SMALLEST[form] + data[at:]
    assert len(read(data)) == N
    for end in (len(data) // 2, len(data) - 9000, len(data) - 50):
        with pytest.raises(InputError, match=r"a.snd: "):
            read(data[:end])


def patched(data: bytes, /, **places: int) -> bytes:
    """A wav file whose header has other lengths: of the file (riff), of the audio (data)."""
    wav, at = bytearray(data), {"riff": 4, "data": 40}
    for name, length in places.items():
        wav[at[name] : at[name] + 4] = struct.pack("<I", length)
    return bytes(wav)


@pytest.mark.parametrize("riff", [0, 36, 2 * N + 36, 2 * N + 80, 0xFFFFFFFF])
@pytest.mark.parametrize("length", [0, 2 * N + 44, 2 * N + 36, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_wav_header_that_was_not_finished(read, riff, length):
    np.testing.assert_allclose(read(patched(encoded("WAV"), riff=riff, data=length)), TONE, atol=1 / 32768)


def test_other_headers_that_were_not_finished(read, caplog):
    au, rf64 = bytearray(encoded("AU")), bytearray(encoded("RF64"))
    au[8:12], rf64[20:44] = bytes(4), bytes(24)
    assert len(read(bytes(au))) == len(read(bytes(rf64))) == N
    assert "without a length" in caplog.text


def test_a_wav_file_without_samples_is_that(read):
    for data in (encoded("WAV", samples=TONE[:0]), encoded("WAV", samples=TONE[:0]) + b"LIST\4\0\0\0INFO"):
        with pytest.raises(InputError, match="holds no samples"):
            read(data)


def claims_less(form: str, samples: int) -> bytes:
    """The same audio under a header that counts fewer samples."""
    data = bytearray(encoded(form, None if form == "FLAC" else "PCM_16"))
    if form == "FLAC":
        data[22:26] = struct.pack(">I", samples)
    else:
        kind, more = {"AU": (">I", 0), "CAF": (">q", 4), "WAV": ("<I", 0)}[form]
        at = data.rindex(struct.pack(kind, 2 * N + more), 0, 5000)  # of a wav file the first is the byte rate
        struct.pack_into(kind, data, at, 2 * samples + more)
    return bytes(data)


@pytest.mark.parametrize("form", ["WAV", "AU", "CAF", "FLAC"])
@pytest.mark.parametrize("samples", [100, N // 2 + 1, N - 100])
def test_samples_that_the_header_does_not_count_are_not_passed_over(read, form, samples):
    assert len(read(claims_less(form, N))) == N
    with pytest.raises(InputError, match=rf"a.snd: .*{samples} samples.* {N}"):
        read(claims_less(form, samples))


def test_joined_wav_files_are_not_read_in_part(read):
    with pytest.raises(InputError, match="a.snd: "):
        read(encoded("WAV") * 2)


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data


@pytest.mark.parametrize(
    "tail",
    [
        chunk(b"LIST", bytes(100)),
        chunk(b"ab1 ", bytes(31)) + b"\0" + chunk(b"LIST", bytes(3)),
        chunk(b"LIST", b"x" * 99)[:50],
        b"TAG" + bytes(125),
        bytes(3),
    ],
)
def test_what_may_follow_the_audio_of_a_wav_file(read, tail):
    np.testing.assert_array_equal(read(encoded("WAV") + tail), read(encoded("WAV")))


@pytest.mark.parametrize("length", [2 * N + 45, 10**6, 0xC0000000])
def test_a_length_beyond_the_file_is_a_promise(read, length):
    with pytest.raises(InputError, match="shorter"):
        read(patched(encoded("WAV"), data=length))


@pytest.mark.parametrize(("form", "subtype"), [("MP3", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", None)])
def test_joined_files_are_read_to_the_end(read, form, subtype, caplog):
    one, two = encoded(form, subtype), encoded(form, subtype, TONE[:5000])
    samples = read(one + two)
    np.testing.assert_array_equal(samples, np.concatenate([read(one), read(two)]))
    assert "2 concatenated files" in caplog.text
    np.testing.assert_array_equal(read(one + one), np.tile(read(one), 2))  # of one serial number
    with pytest.raises(InputError, match=r"shorter|decoded"):
        read((one + two)[:-40])
    with pytest.raises(InputError, match="several rates"):
        read(one + encoded(form, subtype, rate=8000))


def test_joined_files_of_a_command(tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    (tmp_path / "a.mp3").write_bytes(encoded("MP3"))
    assert len(read_whole(f"cat {tmp_path}/a.mp3 {tmp_path}/a.mp3 |", "a", allow_pipes=True)[0]) == 2 * N


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("options", [{}, {"bitrate_mode": "CONSTANT", "compression_level": 0.5}])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_file_without_a_header_is_read_to_the_end(read, rate, options, channels):
    """Frames without the first, which holds their number: a decoder's delay is left in, else they sound the same."""
    data = encoded("MP3", None, np.stack([TONE] * channels, 1), rate, **options)
    expected = read(data)
    bare = data[data.index(data[:2], 4) :]
    samples = read(b"ID3\3\0\0\0\0\0\7" + b"\xff\xfb\x90\xc4\0\0\0" + bare + b"TAG" + bytes(125))
    delay = int(np.argmax(np.correlate(samples[:8000], expected[:4000], "valid")))
    assert 0 < delay < 3000
    np.testing.assert_allclose(samples[delay:][: N - 3000], expected[: N - 3000], atol=1e-3)


def claiming(form: str) -> bytes:
    """A file whose header promises 6.9e10 samples (flac), or 2.7e8 frames (mp3)."""
    data = bytearray(encoded(form))
    if form == "FLAC":
        data[21], data[22:26] = data[21] | 15, b"\xff" * 4
    else:
        at = data.index(b"Xing") + 8
        data[at : at + 4] = b"\x0f\xff\xff\xff"
    return bytes(data)


@pytest.mark.parametrize("form", ["FLAC", "MP3"])
def test_samples_that_a_header_claims_take_no_memory(read, form):
    with pytest.raises(InputError, match=r"more than \d+ bytes can hold|shorter"):
        read(claiming(form))


def test_a_claim_that_could_be_true_is_read_in_blocks(read, monkeypatch):
    monkeypatch.setattr("toolkit.io.containers._BLOCK_SAMPLES", 3000)
    data = bytearray(encoded("FLAC"))
    np.testing.assert_allclose(read(bytes(data)), TONE, atol=1 / 32768)
    data[22:26] = struct.pack(">I", 10**7)
    with pytest.raises(InputError, match=f"ends after {N} of 10000000"):
        read(bytes(data))


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_rates_beyond_reason_are_damage(read, rate):
    with pytest.raises(InputError, match=f"is at {rate} Hz"):
        read(encoded("WAV")[:24] + struct.pack("<I", rate) + encoded("WAV")[28:])
