"""voxsift verify, embed, calibrate, models: numbers by hand, and what the Verifier gives."""

import itertools
import json
import math
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from toolkit.cli.shared.demo_work import DemoWork
from toolkit.io.errors import InputError
from toolkit.io.extractors import read_extractor
from toolkit.metrics.verification.calibration import fit_calibration
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.recognizer import Recognizer
from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import save

A, B, C = "spk/s0/u0.wav", "spk/s0/u1.wav", "spk/s1/u0.wav"
PLAIN = {"scoring": "cosine", "score_norm": "none"}


@pytest.fixture(scope="module")
def verifier(shipped):
    return Verifier.load(shipped / "sv_ecapa.zip")


@pytest.fixture
def calibration(place):
    (place / "c.json").write_text(json.dumps({"scale": 10.0, "offset": -5.0, "way": PLAIN}))
    return "c.json"


def test_two_recordings_without_calibration(voxsift, verifier):
    code, content, _ = voxsift("verify", A, C, "--json")
    assert code == 0
    (score,) = content["tests"][0]["scores"]
    assert (score["enrolled"], score["test"]) == (A, C)
    assert score["cosine"] == pytest.approx(verifier.score(A, C).cosine, abs=1e-6)
    assert score["llr"] is score["probability"] is score["same_speaker"] is None


@pytest.mark.parametrize("prior", [0.5, 0.01, 0.999999])
def test_llr_probability_and_decision_by_hand(voxsift, verifier, calibration, prior):
    _, content, _ = voxsift("verify", A, C, "--calibration", calibration, "--prior", prior, "--json")
    (score,) = content["tests"][0]["scores"]
    llr = 10 * verifier.score(A, C).cosine - 5
    odds = math.exp(llr) * prior / (1 - prior)
    assert score["llr"] == pytest.approx(llr, abs=1e-5)
    assert score["probability"] == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert score["same_speaker"] is (odds >= 1)
    assert content["threshold_llr"] == pytest.approx(math.log((1 - prior) / prior))


def test_an_identity_is_the_mean_of_its_recordings(voxsift, verifier, calibration):
    words = ["--enroll", A, B, "--enroll", C, "--calibration", calibration, "--json", "--", "spk/s0/u2.wav"]
    _, content, _ = voxsift("verify", *words)
    (test,) = content["tests"]
    vector = verifier.embed("spk/s0/u2.wav")
    mean = verifier.embed(A) + verifier.embed(B)
    cosines = {A: mean @ vector / np.linalg.norm(mean), C: verifier.embed(C) @ vector}
    assert [score["cosine"] for score in test["scores"]] == pytest.approx(sorted(cosines.values())[::-1], abs=1e-5)
    first, second = test["scores"]
    assert test["margin"] == pytest.approx(first["llr"] - second["llr"])
    assert test["best"] == first["enrolled"] == max(cosines, key=cosines.get)


def test_speakers_of_a_folder(voxsift):
    code, content, _ = voxsift("verify", "--speakers", "spk", "spk/s2", "--json")
    assert code == 0
    assert len(content["tests"]) == 3
    assert {score["enrolled"] for score in content["tests"][0]["scores"]} == {"s0", "s1", "s2", "s3"}
    assert len(content["enrolments"][0]["recordings"]) == 3


def test_a_poor_enrolment_is_refused_if_asked(voxsift):
    assert voxsift("verify", "slow.wav", A, "--strict")[0] == 1
    _, content, _ = voxsift("verify", "slow.wav", A, "--json")
    assert any("s of speech" in fault for fault in content["enrolments"][0]["warnings"])


def test_a_test_that_is_an_enrolment_is_named(voxsift, caplog):
    voxsift("verify", "--enroll", A, B, "--", A, C)
    (warning,) = [message for message in caplog.messages if "also an enrolment" in message]
    assert A in warning
    assert C not in warning


def test_text_names_both(voxsift, calibration):
    _, out, _ = voxsift("verify", A, B, "--calibration", calibration)
    assert {A, B} <= set(out.decode().split())


def test_calibration_of_a_folder_is_the_fit_of_all_pairs(voxsift, verifier, place):
    code, content, _ = voxsift("calibrate", "spk", "-o", "mine.json", "--resamples", "100", "--json")
    assert code == 0
    assert json.loads(Path("mine.json").read_text()) == content
    vectors = {path: verifier.embed(path) for path in sorted(Path("spk").glob("*/*.wav"))}
    scores = {True: [], False: []}
    for one, other in itertools.combinations(vectors, 2):
        scores[one.parent == other.parent].append(float(vectors[one] @ vectors[other]))
    assert (content["n_target"], content["n_nontarget"]) == (len(scores[True]), len(scores[False])) == (12, 54)
    expected = fit_calibration(scores[True], scores[False], 0.5)
    assert (content["scale"], content["offset"]) == pytest.approx(tuple(expected), rel=1e-3)
    assert content["eer"]["low"] <= content["eer"]["value"] <= content["eer"]["high"]
    accepted = {kind: np.array(values) * content["scale"] + content["offset"] >= 0 for kind, values in scores.items()}
    assert content["false_rejection"] == pytest.approx(1 - accepted[True].mean())
    assert content["false_acceptance"] == pytest.approx(accepted[False].mean())
    assert voxsift("calibrate", "spk", "-o", "mine.json")[0] == 1  # it is there
    assert voxsift("verify", A, B, "--calibration", "mine.json")[0] == 0
    content["extractor"]["digest"] = "of another"
    Path("other.json").write_text(json.dumps(content))
    assert voxsift("verify", A, B, "--calibration", "other.json")[0] == 1


def test_pairs_are_limited(voxsift):
    _, content, _ = voxsift("calibrate", "spk", "--resamples", "100", "--max_trials", "100", "--json")
    assert (content["n_target"], content["n_nontarget"]) == (12, 54)


def test_embeddings_are_those_of_the_verifier(voxsift, verifier):
    code, content, _ = voxsift("embed", "spk", "stereo.flac", "--channel", "0", "-o", "emb", "--json")
    assert code == 0
    vectors = dict(kaldiio.load_scp("emb/embedding.scp"))
    assert vectors.keys() == content["embeddings"].keys() >= {"s0-u0", "stereo"}
    np.testing.assert_allclose(vectors["s0-u0"], verifier.embed(A), atol=1e-6)
    np.testing.assert_allclose(content["embeddings"]["stereo"], verifier.embed("stereo.flac", channel=0), atol=1e-5)
    assert read_extractor("emb") == verifier.identity
    assert voxsift("embed", "spk", "-o", "emb")[0] == 1  # it is there


def test_ids_of_a_table_stay_and_names_become_different_ids(voxsift):
    """Ids of VoxCeleb have slashes; trials name them as they are."""
    Path("a.scp").write_text("id1/a+b/1 spk/s0/u0.wav\n")
    assert voxsift("embed", "a.scp", "-o", "out")[0] == 0
    assert Path("out/embedding.scp").read_text().split()[0] == "id1/a+b/1"
    assert voxsift("transcribe", "a.scp", "-o", "text")[0] == 0
    assert Path("text").read_text().split()[0] == "id1/a+b/1"
    for name in ("x y.wav", "x_y.wav"):
        Path(name).symlink_to("spk/s0/u0.wav")
    for verb in ("embed", "transcribe"):
        assert voxsift(verb, "x y.wav", "x_y.wav", "-o", "both")[0] == 1
    assert not Path("both").exists()


def test_the_demo_reads_no_other_files_than_those_it_is_given(voxsift, shipped):
    """A table that another person sends is not read."""
    work = DemoWork({"sv": Verifier.load(shipped / "sv_ecapa.zip"), "tse": Extractor.load(shipped / "tse_sefpnet.zip")})
    Path("table.scp").write_text(f"u {A}\n")
    for call in (
        lambda: work.verify("table.scp", A, 0.5),
        lambda: work.extract("table.scp", [A]),
        lambda: work.extract(A, ["table.scp"]),
    ):
        with pytest.raises(InputError, match="table.scp: cannot be decoded"):
            call()


def test_standard_input_is_any_of_the_recordings(voxsift):
    sound, words = Path("spk/s0/u0.wav").read_bytes(), ("--json", "--", "spk/s0/u1.wav")
    expected = voxsift("verify", "--enroll", "spk/s0/u0.wav", *words)[1]["tests"][0]["scores"][0]["cosine"]
    for enrolled in (["--enroll", "-", *words], ["--json", "-", "spk/s0/u1.wav"]):
        code, content, _ = voxsift("verify", *enrolled, stdin=sound)
        assert code == 0
        assert content["tests"][0]["scores"][0]["cosine"] == expected
    assert voxsift("verify", "-", "-", stdin=sound)[0] == 1


def test_words_are_those_of_the_recogniser(voxsift, shipped):
    recognizer = Recognizer.load(shipped / "asr_tiny.zip")
    words = ["--method", "ctc_greedy"]
    _, out, _ = voxsift("transcribe", A, *words)
    assert out.decode().strip() == recognizer.transcribe(A, method="ctc_greedy")
    _, content, _ = voxsift("transcribe", A, C, "slow.wav", *words, "--json", "-o", "text")
    assert [row["input"] for row in content] == [A, C, "slow.wav"]
    rows = [line.split(" ", 1) for line in Path("text").read_text().splitlines()]
    assert [key for key, _ in rows] == ["slow", "spk-s0-u0", "spk-s1-u0"]
    assert [row["text"] or "<empty>" for row in content] == [rows[i][1] for i in (1, 2, 0)]


def test_equal_channels_are_one(voxsift, verifier):
    samples, fs = soundfile.read(A)
    soundfile.write("double.wav", np.stack([samples, samples], 1), fs)
    assert voxsift("embed", "double.wav", "--json")[0] == 0
    assert voxsift("embed", "stereo.flac", "--json")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["verify", A],
        ["verify", A, "silent.wav"],
        ["verify", A, "bad.wav"],
        ["verify", A, B, "--calibration", "nowhere.json"],
        ["verify", A, B, "--calibration", A],
        ["verify", "--speakers", "nowhere", A],
        ["verify", "--enroll", A, "--enroll", A, "--", B],
        ["verify", A, B, "--prior", "1"],
        ["verify", A, B, "--model", "se_convtasnet"],
        ["calibrate", "nowhere"],
        ["calibrate", "spk/s0"],
        ["embed", A],
        ["embed", "short.wav", "-o", "out"],
        ["transcribe", "bad.wav"],
        ["transcribe", A, "-o", A],
    ],
)
def test_bad_input(voxsift, words):
    assert voxsift(*words)[0] == 1
    assert not Path("out").exists()
    assert not Path("calibration.json").exists()


def test_enhanced_embeddings_are_those_of_the_enhancer(voxsift, verifier, place):
    config = {"task": "ee", "model": {"class_path": "SEED", "init_args": {"dim": verifier.dim}}}
    (place / "ee").mkdir()
    (place / "ee/config.yaml").write_text(json.dumps(config))
    save(place / "ee/valid.distance.ave.pth", EmbeddingEnhancer.build(place / "ee/config.yaml").state_dict())
    code, content, _ = voxsift("embed", A, C, "--enhance_by", "ee", "-o", "emb", "--json")
    assert code == 0
    rows = np.stack([verifier.embed(A), verifier.embed(C)])
    expected = EmbeddingEnhancer.load("ee").enhance(rows, ["s0-u0", "s1-u0"])
    np.testing.assert_allclose(list(content["embeddings"].values()), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("verify", ["--enroll", B, "--"]),
        ("embed", ["-o", "emb", "--"]),
        ("transcribe", ["--method", "ctc_greedy", "--"]),
    ],
)
def test_one_bad_input_stops_no_other(voxsift, verb, words):
    Path("worse.wav").write_bytes(b"")
    code, out, err = voxsift(verb, *words, "bad.wav", A, "worse.wav", C)
    assert code == 1
    good = list(kaldiio.load_scp("emb/embedding.scp")) if verb == "embed" else out.decode()
    assert all((name[:-4].replace("/", "-") if verb == "embed" else name) in good for name in (A, C))
    assert {"bad.wav", "worse.wav"} <= set(err.splitlines()[-1].replace(",", "").split())


def test_errors_are_in_the_json(voxsift):
    assert voxsift("verify", "--enroll", "bad.wav", B, "--", A)[0] == 1
    code, out, _ = voxsift("transcribe", "bad.wav", A, "--method", "ctc_greedy", "--json")
    bad, good = json.loads(out)
    assert code == 1
    assert (bad["text"], good["error"]) == (None, None)
    assert "bad.wav" in bad["error"]


def test_errors_of_a_calibration_are_of_other_speakers(voxsift):
    _, content, _ = voxsift("calibrate", "spk", "--resamples", "100", "--json")
    for name in ("false_rejection", "false_acceptance"):
        rate = content["cross_validation"][name]
        assert 0 <= rate["low"] <= rate["value"] <= rate["high"] <= 1
    for path in Path("spk").iterdir():
        if path.name in ("s0", "s1"):
            Path("two").mkdir(exist_ok=True)
            (Path("two") / path.name).symlink_to(path.resolve())
    assert voxsift("calibrate", "two", "-o", "two.json", "--resamples", "100", "--json")[1]["cross_validation"] is None
