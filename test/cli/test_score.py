"""voxsift score: numbers by hand."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

FS = 16000
RNG = np.random.default_rng(0)


@pytest.fixture
def audio(place):
    """``ref/`` and ``est/`` with an SI-SDR of 20 dB and of 0 dB: noise that is orthogonal to the target."""
    for name, gain in (("a", 0.1), ("b", 1.0)):
        target, noise = RNG.uniform(-0.3, 0.3, (2, FS)) - 0.0
        target -= target.mean()
        noise -= noise.mean()
        noise -= noise @ target / (target @ target) * target
        noise *= gain * np.linalg.norm(target) / np.linalg.norm(noise)
        for folder, samples in (("ref", target), ("est", target + noise)):
            Path(folder).mkdir(exist_ok=True)
            soundfile.write(f"{folder}/{name}.wav", samples / 2, FS, subtype="FLOAT")


def test_si_sdr_by_hand(voxsift, audio):
    code, content, _ = voxsift("score", "est", "--reference", "ref", "--json")
    assert code == 0
    assert [row["metrics"]["si_sdr"] for row in content["recordings"]] == pytest.approx([20, 0], abs=1e-3)
    assert content["mean"]["si_sdr"] == pytest.approx(10, abs=1e-3)
    _, out, _ = voxsift("score", "est/a.wav", "--reference", "ref/a.wav", "--metrics", "si_sdr", "wave_snr")
    assert out.decode().split() == ["est/a.wav", "SI-SDR", "20.00", "dB", "SNR", "20.00", "dB"]


def test_standard_input_is_scored(voxsift, audio):
    stdin = Path("est/a.wav").read_bytes()
    code, content, _ = voxsift("score", "-", "--reference", "ref/a.wav", "--json", stdin=stdin)
    assert code == 0
    assert content["mean"]["si_sdr"] == pytest.approx(20, abs=1e-3)


def test_a_metric_without_value_says_why(voxsift, audio):
    soundfile.write("est/a.wav", np.zeros(FS), FS)
    _, content, _ = voxsift("score", "est", "--reference", "ref", "--json")
    assert content["recordings"][0]["metrics"]["si_sdr"] is None
    assert content["recordings"][0]["undefined"] == {"si_sdr": "silent estimate"}
    assert content["mean"]["si_sdr"] == pytest.approx(0, abs=1e-3)


@pytest.fixture
def trials(place):
    """Targets 4, 3, 1 and nontargets 2, 0, -1, -2 of five speakers: from 1.5 on, one of three is missed, one of four
    accepted."""
    pairs = [("a-1", "a-2", 4), ("b-1", "b-2", 3), ("c-1", "c-2", 1)]
    others = [("a-1", "b-1", 2), ("a-1", "c-1", 0), ("b-1", "c-1", -1), ("a-2", "d-1", -2)]
    Path("trials").write_text(
        "".join(f"{a} {b} target\n" for a, b, _ in pairs) + "".join(f"{a} {b} nontarget\n" for a, b, _ in others)
    )
    Path("scores.txt").write_text("".join(f"{a} {b} {score}\n" for a, b, score in [*others, *pairs]))
    utts = sorted({utt for a, b, _ in (*pairs, *others) for utt in (a, b)})
    Path("utt2spk").write_text("".join(f"{utt} {utt[0]}\n" for utt in utts))


def test_error_rates_by_hand(voxsift, trials):
    code, content, _ = voxsift("score", "scores.txt", "--trials", "trials", "--json")
    assert code == 0
    assert (content["n_target"], content["n_nontarget"]) == (3, 4)
    eer = content["metrics"]["eer"]
    assert 25 <= eer["value"] <= 100 / 3
    assert eer["low"] is eer["high"] is None
    # Misses 1/3 without a false alarm; its cost at a prior of 0.05, normalised by 0.05, is 1/3.
    assert content["metrics"]["min_dcf_0.05"]["value"] == pytest.approx(1 / 3)
    words = ["--utt2spk", "utt2spk", "--resamples", "50"]
    _, content, _ = voxsift("score", "scores.txt", "--trials", "trials", *words, "--json")
    assert content["metrics"]["eer"]["value"] == eer["value"]
    assert content["metrics"]["eer"]["low"] <= eer["value"] <= content["metrics"]["eer"]["high"]


def test_calibrated_costs(voxsift, trials):
    Path("c.json").write_text('{"scale": 0.0, "offset": 0.0}')
    _, content, _ = voxsift("score", "scores.txt", "--trials", "trials", "--calibration", "c.json", "--json")
    assert content["metrics"]["cllr"]["value"] == pytest.approx(1)  # LLRs of 0 tell nothing


def test_word_errors_by_hand(voxsift, place):
    Path("text").write_text("a-1 TURN IT ON\na-2 OFF\nb-1 STOP NOW\nc-1 <empty>\n")
    Path("recognised").write_text("a-1 TURN ON\na-2 OFF\nb-1 <empty>\nc-1 <empty>\n")
    _, content, _ = voxsift("score", "recognised", "--transcripts", "text", "--json")
    assert content["metrics"]["wer"]["value"] == pytest.approx(100 * 3 / 6)
    assert content["n_utterances"] == 4
    _, out, _ = voxsift("score", "recognised", "--transcripts", "text")
    assert "WER 50.00 %" in out.decode()


@pytest.mark.parametrize(
    "words",
    [
        ["est"],
        ["est", "--metrics", "nonsense"],
        ["est", "--metrics", "timing_f1"],
        ["est", "--reference", "spk"],
        ["slow.wav", "--reference", "spk/s0/u0.wav"],
        ["slow.wav", "--reference", "slow.wav", "--metrics", "pesq_wb"],
        ["scores.txt", "--trials", "nowhere"],
        ["nowhere", "--trials", "trials"],
        ["scores.txt", "scores.txt", "--trials", "trials"],
        ["scores.txt", "--trials", "trials", "--utt2spk", "trials"],
        ["scores.txt", "--transcripts", "trials"],
        ["slow.wav", "--trials", "slow.wav"],
    ],
)
def test_bad_input(voxsift, audio, trials, words):
    assert voxsift("score", *words)[0] == 1
