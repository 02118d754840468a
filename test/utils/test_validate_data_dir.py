"""utils/validate_data_dir.sh: every rule of a data dir."""

import pytest

from .conftest import WAIVED


def test_valid_dir(call, data_dir):
    done = call("validate_data_dir.sh", *WAIVED, data_dir())
    assert "4 utterances, 2 speakers" in done.stdout
    assert done.stderr == ""


def test_valid_dir_with_everything(call, data_dir):
    keys = ["a-1", "a-2", "b-1", "b-2"]
    names = "feats.scp vad.scp spk1.scp spk2.scp noise1.scp dereverb1.scp enroll_spk1.scp"
    names += " utt2snr utt2noise utt2dur utt2num_frames utt2lang"
    tables = {name: "".join(f"{key} a.ark:7\n" for key in keys) for name in names.split() if name.endswith("scp")}
    tables |= {name: "".join(f"{key} 7\n" for key in keys) for name in names.split() if name.startswith("utt2")}
    tables["text"] = "".join(f"{key} \u00fcber words\n" for key in keys)
    tables |= {"spk2gender": "a m\nb f\n", "cmvn.scp": "a x:1\nb x:2\n"}
    call("validate_data_dir.sh", "--no-wav-check", data_dir(tables=tables))


def test_valid_dir_with_segments(call, segmented):
    tables = {"reco2dur": "r1 2\nr2 3.5\n", "reco2file_and_channel": "r1 f A\nr2 f B\n", "spk1.scp": "r1 x\nr2 y\n"}
    call("validate_data_dir.sh", *WAIVED, segmented(tables=tables))


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt", "wav.scp"])
def test_missing_file(complaints, data_dir, name):
    assert f"{name}: no such file" in complaints(data_dir(tables={name: None}))


@pytest.mark.parametrize(("name", "waiver"), [("feats.scp", "--no-text"), ("text", "--no-feats")])
def test_missing_file_that_is_not_waived(call, data_dir, name, waiver):
    assert f"{name}: no such file" in call("validate_data_dir.sh", waiver, data_dir(), code=1).stderr


def test_missing_wav_scp_is_waived(call, data_dir):
    call("validate_data_dir.sh", *WAIVED, "--no-wav", data_dir(tables={"wav.scp": None}))


def test_missing_dir(complaints):
    assert "nowhere: no such data dir" in complaints("nowhere")


@pytest.mark.parametrize("line", ["b-1", "b-1 b c", "", "   "])
def test_malformed_utt2spk(complaints, data_dir, line):
    message = complaints(data_dir(tables={"utt2spk": f"a-1 a\na-2 a\n{line}\nb-2 b\n"}))
    assert "utt2spk:3: expected 2 fields" in message


MALFORMED = {
    "no value": ({"wav.scp": "a-1 x\na-2 x\nb-1\nb-2 x\n"}, "wav.scp:3: expected at least 2 fields, got: b-1"),
    "no newline": ({"wav.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x"}, "wav.scp:4: no newline"),
    "unsorted": ({"wav.scp": "a-1 x\nb-1 x\na-2 x\nb-2 x\n"}, "wav.scp:3: not sorted: id a-2 after b-1"),
    "repeated": ({"wav.scp": "a-1 x\na-2 x\na-2 x\nb-1 x\n"}, "wav.scp:3: duplicate id a-2"),
    "empty": ({"wav.scp": ""}, "wav.scp: is empty"),
    "DOS": ({"wav.scp": "a-1 x\r\na-2 x\nb-1 x\nb-2 x\n"}, "wav.scp:1: ends with a carriage return"),
    "indented": ({"wav.scp": "a-1 x\n a-2 x\nb-1 x\nb-2 x\n"}, "wav.scp:2: begins with a blank"),
    "home": ({"wav.scp": "a-1 x\na-2 ~/x\nb-1 x\nb-2 x\n"}, "wav.scp:2: ~ is not expanded"),
    "duration 0": ({"utt2dur": "a-1 1\na-2 .5\nb-1 0.0\nb-2 1e1\n"}, "utt2dur:3: expected a duration above 0"),
    "duration word": ({"utt2dur": "a-1 1\na-2 x\nb-1 1\nb-2 1\n"}, "utt2dur:2: expected a duration above 0"),
    "frames": ({"utt2num_frames": "a-1 1\na-2 2.5\nb-1 1\nb-2 1\n"}, "utt2num_frames:2: expected a whole number"),
    "samples": ({"utt2num_samples": "a-1 0\na-2 2\nb-1 1\nb-2 1\n"}, "utt2num_samples:1: expected a whole number"),
    "gender": ({"spk2gender": "a m\nb female\n"}, "spk2gender:2: expected the gender m or f"),
    "text <s>": ({"text": "a-1 x\na-2 x <s>\nb-1 x\nb-2 x\n"}, "text:2: holds one of the reserved words"),
    "text #0": ({"text": "a-1 #0 x\na-2 x\nb-1 x\nb-2 x\n"}, "text:1: holds one of the reserved words"),
    "text blank": ({"text": "a-1 x\na-2 x\u00a0y\nb-1 x\nb-2 x\n"}, "text:2: holds the unusual blank U+00A0"),
    "text control": ({"text": "a-1 x\na-2 x\x01y\nb-1 x\nb-2 x\n"}, "text:2: holds the unprintable character U+0001"),
    "unknown id": ({"spk1.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\nc-1 x\n"}, "spk1.scp: id c-1 is not in utt2spk"),
    "cmvn": ({"cmvn.scp": "a x\n"}, "cmvn.scp: id b of spk2utt is missing"),
    "spk2utt": ({"spk2utt": "a a-1\nb a-2 b-1 b-2\n"}, "spk2utt: does not agree with utt2spk about utterance a-2"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_complaint_names_file_and_line_or_id(complaints, data_dir, case):
    tables, message = MALFORMED[case]
    assert message in complaints(data_dir(tables=tables))


def test_text_must_be_utf8(complaints, data_dir):
    path = data_dir()
    (path / "text").write_bytes(b"a-1 x\na-2 \xfcber\nb-1 x\nb-2 x\n")
    assert "text:2: is not UTF-8" in complaints(path)


def test_unprintable_text_may_be_allowed(call, data_dir):
    path = data_dir(tables={"text": "a-1 x\na-2 x\x01y\nb-1 x\nb-2 x\n"})
    call("validate_data_dir.sh", "--no-feats", "--no-wav-check", "--non-print", path)


STREAMS = "feats.scp vad.scp text spk1.scp spk12.scp noise2.scp dereverb1.scp enroll_spk2.scp utt2snr utt2enroll utt2x"


@pytest.mark.parametrize("name", STREAMS.split())
def test_streams_and_facts_share_the_utterances(complaints, data_dir, name):
    path = data_dir(tables={name: "a-1 x\na-2 x\nb-2 x\n"})
    assert f"{name}: id b-1 of utt2spk is missing" in complaints(path)


def test_other_files_are_left_alone(call, data_dir):
    call(
        "validate_data_dir.sh",
        *WAIVED,
        data_dir(tables={"musan_noise.scp": "n x\n", "utt2spk.old": "", "README": "hi"}),
    )


SEGMENTS = {
    "end before start": (
        "a-1 r1 2 1\na-2 r1 1 2\nb-1 r2 0 1\nb-2 r2 1 2\n",
        "segments:1: expected utterance recording",
    ),
    "three fields": ("a-1 r1 0\na-2 r1 1 2\nb-1 r2 0 1\nb-2 r2 1 2\n", "segments:1: expected 4 fields"),
    "not a time": ("a-1 r1 0 x\na-2 r1 1 2\nb-1 r2 0 1\nb-2 r2 1 2\n", "segments:1: expected utterance recording"),
    "no such recording": ("a-1 r1 0 1\na-2 r1 1 2\nb-1 r2 0 1\nb-2 r3 1 2\n", "wav.scp: id r3 of segments is missing"),
    "unused recording": ("a-1 r1 0 1\na-2 r1 1 2\nb-1 r1 0 1\nb-2 r1 1 2\n", "wav.scp: id r2 is not in segments"),
    "no such utterance": ("a-1 r1 0 1\na-2 r1 1 2\nb-2 r2 1 2\n", "segments: id b-1 of utt2spk is missing"),
}


@pytest.mark.parametrize("case", SEGMENTS)
def test_segments(complaints, segmented, case):
    segments, message = SEGMENTS[case]
    assert message in complaints(segmented(tables={"segments": segments}))


def test_channels(complaints, segmented):
    path = segmented(tables={"reco2file_and_channel": "r1 f A\nr2 f 1\n"})
    assert "reco2file_and_channel:2: expected the channel A or B" in complaints(path)


@pytest.fixture
def unsorted_speakers(data_dir):
    return data_dir(tables={"utt2spk": "a-1 z\na-2 z\nb-1 b\nb-2 b\n", "spk2utt": "b b-1 b-2\nz a-1 a-2\n"})


def test_utt2spk_must_be_sorted_by_speaker(complaints, unsorted_speakers):
    assert "utt2spk:3: not sorted by speaker: b after z" in complaints(unsorted_speakers)


def test_sorting_by_speaker_is_waived(call, unsorted_speakers):
    call("validate_data_dir.sh", *WAIVED, "--no-spk-sort", unsorted_speakers)


def test_ids_are_compared_as_bytes_not_as_numbers(call, data_dir):
    utts = ["10", "1e1", "9", "B", "a"]
    tables = {"utt2spk": "".join(f"{u} s\n" for u in utts), "spk2utt": f"s {' '.join(utts)}\n"}
    call("validate_data_dir.sh", *WAIVED, data_dir(tables=tables | {"wav.scp": "".join(f"{u} x\n" for u in utts)}))


def test_one_speaker_is_a_warning(call, data_dir):
    tables = {"utt2spk": "a-1 a\na-2 a\nb-1 a\nb-2 a\n", "spk2utt": "a a-1 a-2 b-1 b-2\n"}
    assert "warning" in call("validate_data_dir.sh", *WAIVED, data_dir(tables=tables)).stderr


def test_all_faults_are_said_at_once(call, data_dir):
    """Missing tables, a malformed line, wrong order, a wrong value, ids and files that are not there."""
    tables = {
        "utt2spk": "a-1 a\nb-1 b\na-2 a\nb-2 b\n",
        "spk2utt": "a a-1 a-2\nb b-1 b-2\n",
        "wav.scp": "a-1 a1.wav\na-2 a2.wav\nb-2 b2.wav\n",
        "utt2dur": "a-1 1\na-2 0\nb-1\nb-2 x\n",
        "spk2gender": "a m\n",
    }
    data_dir(tables=tables)
    message = call("validate_data_dir.sh", "--no-text", "data", code=1).stderr
    for fault in (
        "data/feats.scp: no such file; --no-feats waives it",
        "data/utt2spk:3: not sorted: id a-2 after b-1",
        "data/wav.scp: id b-1 of utt2spk is missing",
        "data/wav.scp: 3 of 3 recordings are not there",
        "data/utt2dur:3: expected 2 fields, got: b-1",
        "data/utt2dur:2: expected a duration above 0",
        "data/utt2dur:4: expected a duration above 0",
        "data/spk2gender: id b of spk2utt is missing",
        "were not compared with others; fix those first",
        "fix_data_dir.sh data sorts tables",
    ):
        assert fault in message
    assert "utt2dur:3: expected a duration" not in message  # a line is named once
    assert "does not agree" not in message


def test_a_table_with_a_wrong_value_is_compared_with_others(complaints, data_dir):
    message = complaints(data_dir(tables={"spk1.scp": "a-1 x\na-2 ~/x\nb-2 x\n"}))
    assert "spk1.scp:2: ~ is not expanded" in message
    assert "spk1.scp: id b-1 of utt2spk is missing" in message
    assert "were not compared" not in message


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt"])
def test_without_a_main_table_the_others_are_checked(complaints, data_dir, name):
    message = complaints(data_dir(tables={name: None, "utt2dur": "a-1 1\na-2 x\nb-1 1\nb-2 1\n"}))
    assert f"{name}: no such file" in message
    assert "utt2dur:2: expected a duration above 0" in message


@pytest.fixture
def recordings(data_dir, tmp_path):
    """Files, one with a blank, one with a colon, an ark at two offsets, a command: all there."""
    for name in ("a 1.wav", "b:2", "all.ark"):
        (tmp_path / name).touch()
    wav = "a-1 a 1.wav\na-2 b:2\nb-1 cat gone.wav |\nb-2 all.ark:123\nb-3 all.ark:7\n"
    utts = [line.split()[0] for line in wav.splitlines()]
    utt2spk = "".join(f"{utt} {utt[0]}\n" for utt in utts)
    return data_dir(tables={"wav.scp": wav, "utt2spk": utt2spk, "spk2utt": "a a-1 a-2\nb b-1 b-2 b-3\n"})


def test_recordings_are_there(call, recordings):
    call("validate_data_dir.sh", "--no-feats", "--no-text", recordings)


def test_recordings_that_are_not_there_are_counted_and_named(call, recordings, tmp_path):
    (tmp_path / "all.ark").unlink()
    (tmp_path / "a 1.wav").unlink()
    (tmp_path / "a 1.wav").mkdir()
    message = call("validate_data_dir.sh", "--no-feats", "--no-text", "data", code=1).stderr.splitlines()
    assert "data/wav.scp: 3 of 4 recordings are not there; fix the paths" in message[0]
    assert f"(they begin at {tmp_path})" in message[0]
    assert "--no-wav-check" in message[0]
    assert [line.split("error: ")[1] for line in message[1:4]] == [
        "data/wav.scp:1: id a-1: a 1.wav: is a folder",
        "data/wav.scp:4: id b-2: all.ark: no such file",
        "data/wav.scp:5: id b-3: all.ark: no such file",
    ]
    call("validate_data_dir.sh", "--no-feats", "--no-text", "--no-wav-check", recordings)


def test_many_recordings_that_are_not_there(call, data_dir):
    utts = [f"a-{n:02}" for n in range(30)]
    tables = {"utt2spk": "".join(f"{u} a\n" for u in utts), "spk2utt": f"a {' '.join(utts)}\n"}
    tables["wav.scp"] = "".join(f"{u} {u}.wav\n" for u in utts)
    message = call("validate_data_dir.sh", "--no-feats", "--no-text", data_dir(tables=tables), code=1).stderr
    assert "30 of 30 recordings are not there" in message
    assert "a-04.wav" in message
    assert "a-05.wav" not in message
    assert "and 25 more recordings" in message


def test_many_complaints_are_counted(complaints, data_dir):
    extra = "".join(f"x-{i:02} w\n" for i in range(15))
    message = complaints(data_dir(tables={"spk1.scp": "a-1 x\na-2 x\nb-1 x\nb-2 x\n" + extra}))
    assert "x-09" in message
    assert "x-10" not in message
    assert "and 5 more" in message
