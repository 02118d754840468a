"""TEA-PSE in two stages: the second begins with the weights of the first."""

import pytest
import torch
import yaml

from toolkit.bin import train
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.models.tse.tea_pse import TEAPSE
from toolkit.train.checkpoint import load_model, save

from .baselines import FRONT, SMALL, small
from .extractors import sounds


def test_stage_2_begins_with_the_weights_of_stage_1(tmp_path):
    first, second = small(TEAPSE, stages=1).eval(), small(TEAPSE).eval()
    save(tmp_path / "stage1.pth", first.state_dict())
    for parameter in second.mag_net.parameters():
        torch.nn.init.zeros_(parameter)
    untouched = {name: value.clone() for name, value in second.com_net.state_dict().items()}
    load_model(second, tmp_path / "stage1.pth", start=True)
    assert all(torch.equal(second.com_net.state_dict()[name], value) for name, value in untouched.items())
    for layers in second.com_net.decoders:  # a residual of zero
        for parameter in layers[-1].parameters():
            torch.nn.init.zeros_(parameter)
    mixture, enrolment = sounds(2, 400), sounds(2, 300, 1)
    torch.testing.assert_close(second(mixture, enrolment), first(mixture, enrolment))
    save(tmp_path / "stage2.pth", second.state_dict())
    other = small(TEAPSE)
    load_model(other, tmp_path / "stage2.pth", start=True)
    assert all(
        torch.equal(a, b) for a, b in zip(other.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_weights_of_a_part_are_to_start_from_only(tmp_path):
    save(tmp_path / "stage1.pth", small(TEAPSE, stages=1).state_dict())
    save(tmp_path / "stage2.pth", small(TEAPSE).state_dict())
    save(tmp_path / "other.pth", small(TEAPSE, "global", stages=1).state_dict())
    for name, stages, start in (("stage1", 2, False), ("stage2", 1, True), ("other", 2, True)):
        with pytest.raises(InputError, match=f"{name}.pth: weights of another network"):
            load_model(small(TEAPSE, stages=stages), tmp_path / f"{name}.pth", start)


def test_training_starts_from_weights_of_stage_1(tmp_path):
    sizes = FRONT | SMALL[TEAPSE] | {"representation": "local"}
    save(tmp_path / "stage1.pth", TEAPSE(**sizes, stages=1).state_dict())
    for dilations, code in (([1, 2], 0), ([1, 2, 4], 1)):
        model = {"class_path": "TEAPSE", "init_args": sizes | {"stages": 2, "dilations": dilations}}
        (tmp_path / "c.yaml").write_text(yaml.safe_dump({"model": model, "loss": {"class_path": "RIMagSISNR"}}))
        words = ["--config", tmp_path / "c.yaml", "--init_from", tmp_path / "stage1.pth", "--check"]
        assert run(train.main, ["tse", *map(str, words)]) == code


def test_a_frozen_stage_1_stays_as_it_is():
    model = small(TEAPSE, freeze_stage1=True).train()
    assert not model.mag_net.training
    assert model.com_net.training
    model(sounds(2, 400), sounds(2, 300, 1)).square().sum().backward()
    assert all(parameter.grad is None for parameter in model.mag_net.parameters())
    assert all(parameter.grad is not None for parameter in model.com_net.parameters())
