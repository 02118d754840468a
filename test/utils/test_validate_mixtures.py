"""utils/validate_data_dir.sh: streams, enrolments, turns and plans of sets of mixtures."""

import pytest

from toolkit.simulate.plan import Mixture, Source, write_plan

from .conftest import WAIVED


def test_a_mixture_set_is_valid(call, mixture):
    call("validate_data_dir.sh", *WAIVED, "--require-streams", "spk1 spk2 noise1 dereverb1 enroll_spk1", mixture())


def test_a_planned_set_that_is_not_rendered_is_valid(call, mixture):
    streams = ["wav.scp", "spk1.scp", "spk2.scp", "noise1.scp", "dereverb1.scp", "enroll_spk1.scp", "enroll_spk2.scp"]
    call("validate_data_dir.sh", *WAIVED, "--no-wav", mixture(tables=dict.fromkeys(streams)))


ENROLMENTS = ["a.flac", "two words.WAV", "a.ark:12", "a.npy", "cat a.ark |", "*a-1 a", "*b-1 a"]


@pytest.mark.parametrize("value", ENROLMENTS)
def test_what_an_enrolment_can_be(call, mixture, value):
    scp = f"a-1 {value}\na-2 x.wav\nb-1 x.wav\nb-2 x.wav\n"
    call("validate_data_dir.sh", *WAIVED, mixture(tables={"enroll_spk1.scp": scp}))


BAD_ENROLMENTS = {
    "a": "enroll_spk1.scp:1: expected an audio file",
    "a-2 a": "enroll_spk1.scp:1: expected an audio file",  # the * is forgotten
    "*a-2": "enroll_spk1.scp: id a-1: expected *UTT SPEAKER, got: a-1 *a-2",
    "*a-2 a b": "enroll_spk1.scp: id a-1: expected *UTT SPEAKER",
    "*a-9 a": "enroll_spk1.scp: id a-1: *a-9 a: unknown utterance a-9",
    "*a-2 z": "enroll_spk1.scp: id a-1: *a-2 z: speaker z has no utterance to draw",
    "*c-1 c": "enroll_spk1.scp: id a-1: *c-1 c: speaker c has no other utterance to draw",
}


@pytest.mark.parametrize("value", BAD_ENROLMENTS)
def test_what_an_enrolment_cannot_be(complaints, mixture, value):
    scp = f"a-1 {value}\na-2 x.wav\nb-1 x.wav\nb-2 x.wav\nc-1 x.wav\n"
    path = mixture(tables={"enroll_spk1.scp": scp}, utts=["a-1", "a-2", "b-1", "b-2", "c-1"])
    assert BAD_ENROLMENTS[value] in complaints(path)


def test_enrolments_of_a_planned_set_lie_in_another(complaints, call, mixture):
    scp = "a-1 *x-7 a\na-2 *x-8 z\nb-1 *x-9 b\nb-2 *y-1 b\n"
    path = mixture(tables={"enroll_spk1.scp": scp})
    assert "utterance x-7" in complaints(path)
    (path / "mix_conf.yaml").write_text("data: [d]\nrooms: []\nfs: 16000\n'enrolments': [dump/raw/train]\n")
    call("validate_data_dir.sh", *WAIVED, path)
    call("fix_data_dir.sh", path)
    assert (path / "enroll_spk1.scp").read_text() == scp
    (path / "enroll_spk1.scp").write_text(scp.replace("*x-8 z", "*x-8"))
    assert "expected *UTT SPEAKER" in complaints(path)


def test_a_broken_mix_conf_is_said_with_other_faults(call, mixture):
    path = mixture(tables={"mix_conf.yaml": "data: ["})
    done = call("validate_data_dir.sh", *WAIVED, path, code=1)
    assert "mix_conf.yaml: is not valid YAML" in done.stderr
    assert done.stdout == ""
    (path / "utt2snr").write_text("a-1 0\na-2 0\nb-1\nb-2 0\n")
    message = call("validate_data_dir.sh", *WAIVED, path, code=1).stderr
    assert "mix_conf.yaml: is not valid YAML" in message
    assert "utt2snr:3: expected" in message


SNRS = {"inf": True, "-12.5": True, "+3": True, "1e1": True, "nan": False, "10dB": False, "clean": False, "-inf": False}


@pytest.mark.parametrize("snr", SNRS)
def test_snrs(call, mixture, snr):
    path = mixture(tables={"utt2snr": f"a-1 {snr}\na-2 0\nb-1 0\nb-2 0\n"})
    done = call("validate_data_dir.sh", *WAIVED, path, code=0 if SNRS[snr] else 1)
    assert ("utt2snr:1: expected an SNR in dB" in done.stderr) != SNRS[snr]


ENROLMENTS = "a-1 a.wav\na-2 a.wav\nb-1 b.flac\nb-2 b.flac\n"
TURNS = "".join(f"SPEAKER {utt} 1 0.5 1e1 <NA> <NA> a <NA> <NA>\n" for utt in ("a-1", "a-2", "b-1", "b-2"))


def test_real_recordings_have_enrolments_and_no_target(call, data_dir, complaints):
    tables = {"enroll_spk1.scp": ENROLMENTS, "rttm": f";; by hand\n\n{TURNS}NON-SPEECH b-2 1 0 1 <NA> other <NA>\n"}
    call("validate_data_dir.sh", *WAIVED, "--require-streams", "enroll_spk1", data_dir("real", tables))
    drawn = ENROLMENTS.replace("b.flac", "*b-1 b", 1)
    assert "enroll_spk1.scp: spk1.scp not found" in complaints(data_dir("drawn", {"enroll_spk1.scp": drawn}))


@pytest.mark.parametrize(
    "line", ["SPEAKER b-2 1 0 x <NA> <NA> a", "SPEAKER b-2 1 -1 2 <NA> <NA> a", "SPEAKER b-2 1 0 1", "b-2"]
)
def test_a_bad_turn_is_said(complaints, data_dir, line):
    message = complaints(data_dir(tables={"rttm": f"{TURNS}{line}\n"}))
    assert (
        f"rttm:5: expected SPEAKER <recording> 1 <onset> <duration> <NA> <NA> <speaker>, times in seconds, got: {line}"
        in message
    )


def test_a_recording_without_turns_is_said(complaints, segmented):
    assert "rttm: lacks turns of r2" in complaints(segmented(tables={"rttm": "SPEAKER r1 1 0 1 <NA> <NA> a\n"}))


WITHOUT = {
    "spk1.scp": ["spk2.scp: spk1.scp not found", "enroll_spk1.scp: spk1.scp not found"],
    "spk2.scp": ["enroll_spk2.scp: spk2.scp not found, the speech to extract; stage 3 of the recipe renders it"],
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_missing_speaker_is_said(complaints, mixture, name):
    message = complaints(mixture(tables={name: None}))
    assert all(printed in message for printed in WITHOUT[name])


def test_noises_are_numbered_without_gaps(complaints, mixture):
    scp = "a-1 x\na-2 x\nb-1 x\nb-2 x\n"
    assert "noise3.scp: noise2.scp not found" in complaints(mixture(tables={"noise3.scp": scp}))


REQUIRED = {
    "spk1": "data/spk1.scp: no such stream; stage 3 of the recipe renders it: python -m toolkit.bin.simulate_render "
    "--streams wav spk1",
    "spk1 noise2": "data/noise2.scp: no such stream",
    "enroll_spk1": "data/enroll_spk1.scp: no such stream; its lines are: utterance file, or for training: utterance "
    "*utterance speaker",
}


@pytest.mark.parametrize("streams", REQUIRED)
def test_required_streams(complaints, data_dir, streams):
    assert REQUIRED[streams] in complaints(data_dir(), "--require-streams", streams)


@pytest.mark.parametrize("streams", ["", "speech", "spk1.scp", "spk0"])
def test_names_that_are_no_streams(complaints, data_dir, streams):
    assert "expected names of streams" in complaints(data_dir(), "--require-streams", streams)


def plan_of(*ids):
    return "".join(f'{{"fs": 16000, "sources": [], "id": "{i}"}}\n' for i in ids)


PLANS = {
    "lacks": (plan_of("a-1", "a-2", "b-2"), "mix.jsonl: id b-1 of utt2spk is missing"),
    "has more": (plan_of("a-1", "a-2", "b-1", "b-2", "c-1"), "mix.jsonl: id c-1 is not in utt2spk"),
    "twice": (plan_of("a-1", "a-1", "a-2", "b-1", "b-2"), "mix.jsonl: duplicate id a-1"),
    "no JSON": (plan_of("a-1", "a-2", "b-1") + "b-2\n", "mix.jsonl:4: expected a mixture, a JSON object with an id"),
    "no id": (plan_of("a-1", "a-2", "b-1") + '{"fs": 1}\n', "mix.jsonl:4: expected a mixture"),
    "empty": ("", "mix.jsonl: id a-1 of utt2spk is missing"),
}


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_has_the_utterances(complaints, mixture, case):
    plan, printed = PLANS[case]
    message = complaints(mixture(tables={"mix.jsonl": plan}))
    assert printed in message
    assert "Traceback" not in message


def test_the_order_of_a_plan_is_free(call, mixture):
    call("validate_data_dir.sh", *WAIVED, mixture(tables={"mix.jsonl": plan_of("b-2", "a-1", "b-1", "a-2")}))


def test_plans_as_they_are_written(call, data_dir):
    ids = ["a-1", 'b-"x"', "b-\u00fc"]
    tables = {"utt2spk": "".join(f"{i} {i[0]}\n" for i in ids), "wav.scp": "".join(f"{i} x\n" for i in ids)}
    path = data_dir(tables=tables | {"spk2utt": f"a a-1\nb {ids[1]} {ids[2]}\n"})
    write_plan(path / "mix.jsonl", [Mixture(i, 16000, 9, (Source("spk1", "u", 9),), i[0]) for i in ids])
    call("validate_data_dir.sh", *WAIVED, path)
