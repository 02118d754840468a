"""Programs that recipes call for others: several in one interpreter, signatures, networks checked before work."""

import io

import pytest
import torch
import yaml

from toolkit.bin import check_network, several, signatures
from toolkit.io.command_line import run
from toolkit.models.sv.ge2e import GE2E
from toolkit.systems.packing import pack
from toolkit.systems.verifier import Verifier


def feed(monkeypatch, program, text: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    try:
        return run(program.main, [])
    except SystemExit as error:  # of a program that failed
        return error.code


def words(remedy: str, *command: str) -> str:
    return "".join(f"{word}\0" for word in (str(1 + len(command)), remedy, *command))


def test_programs_run_in_turn_until_one_fails(monkeypatch, capsys, tmp_path):
    (tmp_path / "trials").write_text("a b target\n")
    check = ["simulate_plan", "--data", "x", "--name", "y", "--check"]
    noisy = [*check, "--planner.noises", "{n: {data: [d], snr: [0, 5]}}"]
    text = words("", *check) + words("", *noisy) + words("fix the list", "make_trials", "--check", str(tmp_path))
    assert feed(monkeypatch, several, text + words("", *check)) == 1
    captured = capsys.readouterr()
    assert captured.out == "plan: one talker alone\nplan: mixing\n"
    assert captured.err.endswith("; fix the list\n")


def test_a_wrong_option_ends_it_as_it_ends_the_program(monkeypatch, capsys):
    assert feed(monkeypatch, several, words("", "make_trials", "--no_such")) == 1
    assert "--no_such" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["x\0", "3\0a\0", "-1\0a\0b\0", "1\0a\0"])
def test_malformed_requests(monkeypatch, capsys, text):
    assert feed(monkeypatch, several, text) == 1
    assert "standard input" in capsys.readouterr().err


def test_a_signature_a_line(monkeypatch, capsys, tmp_path):
    assert feed(monkeypatch, signatures, f"{tmp_path}\ta\t\n{tmp_path}\tb\t\n") == 0
    assert len(set(capsys.readouterr().out.split())) == 2
    assert feed(monkeypatch, signatures, "one field\n") == 1
    assert "line 1" in capsys.readouterr().err


MEAN = "model: {class_path: toolkit.models.sv.mean_fbank.MeanFbank}\nnormalize: none\n"


@pytest.mark.parametrize(
    ("task", "config", "more", "message"),
    [
        ("sv", MEAN, [], ""),
        ("sv", MEAN, ["--fs", "8000"], "is for 16000 Hz"),
        ("sv", "model: {class_path: toolkit.models.sv.mean_fbank.NoSuch}\n", [], "NoSuch"),
        ("se", f"{MEAN}frontend: {{class_path: toolkit.features.kaldi_fbank.KaldiFbank}}\n", [], "is for task sv"),
    ],
)
def test_a_system_is_checked_before_it_is_used(tmp_path, capsys, task, config, more, message):
    (tmp_path / "config.yaml").write_text(config)
    assert run(check_network.main, [task, "--model", str(tmp_path), *more]) == bool(message)
    assert message in capsys.readouterr().err


def test_a_config_is_written_whole(tmp_path):
    (tmp_path / "base.yaml").write_text(MEAN)
    (tmp_path / "top.yaml").write_text('base: "base.yaml"\nseed: 3\n')
    check_network.main(["sv", "--config", str(tmp_path / "top.yaml"), "--whole", str(tmp_path / "out/config.yaml")])
    assert yaml.safe_load((tmp_path / "out/config.yaml").read_text()) == {
        "model": {"class_path": "toolkit.models.sv.MeanFbank"},
        "normalize": "none",
        "seed": 3,
    }


def test_published_weights_become_those_of_an_experiment(tmp_path):
    """They are needed when the experiment is made, not when it, or its package, is used."""
    sizes = {"hidden": 8, "num_layers": 1, "embedding_dim": 6}
    published, wav = GE2E(**sizes), 0.1 * torch.randn(1, 16000)
    torch.save({"model_state": published.state_dict()}, tmp_path / "published.pt")
    model = {"class_path": "GE2E", "init_args": {**sizes, "weights": str(tmp_path / "published.pt")}}
    config = {"frontend": {"class_path": "MelPower"}, "model": model, "normalize": "none"}
    (tmp_path / "ge2e.yaml").write_text(yaml.safe_dump(config))
    exp, zipped = tmp_path / "exp", tmp_path / "packed.zip"
    check_network.main(["sv", "--config", str(tmp_path / "ge2e.yaml"), "--whole", str(exp / "config.yaml")])
    pack(exp, zipped)
    (tmp_path / "published.pt").unlink()
    truth = published(Verifier.load(exp, trust=True).network.frontend(wav)[0])
    for path in (exp, zipped):
        assert Verifier.load(path, trust=True).vectors(wav) == pytest.approx(truth.detach().numpy(), abs=1e-6)
    (exp / "valid.eer.ave.pth").unlink()
    assert run(check_network.main, ["sv", "--model", str(exp), "--trust"]) == 1
