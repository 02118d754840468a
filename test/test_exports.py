"""Public names of rooms, and the names by which configs find them."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit import aliases
from toolkit.exports import public_names, public_path
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.io.trust import check_classes
from toolkit.tasks import registry
from toolkit.tasks.training import get_parser

PATHS = sorted(public_names().values())
ROOMS = sorted(module.name for module in pkgutil.walk_packages(toolkit.__path__, "toolkit.") if module.ispkg)
ROOMS.remove("toolkit._voxsift")  # it is toolkit itself


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_there_and_hides_no_module(room):
    module = importlib.import_module(room)
    for name in getattr(module, "__all__", ()):
        assert not inspect.ismodule(getattr(module, name)), name
    assert not {name for _, name, _ in pkgutil.iter_modules(module.__path__)} & {*getattr(module, "__all__", ())}


def test_a_short_name_is_of_one_class():
    for room in map(importlib.import_module, ROOMS):
        for name in (name for name in getattr(room, "__all__", ()) if name[0].isupper()):
            path, _, last = public_path(name).rpartition(".")
            assert getattr(room, name) is getattr(importlib.import_module(path), last)


def test_names_are_known_without_torch():
    code = (
        "import sys; from toolkit.exports import public_path; public_path('EcapaTdnn'); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("path", PATHS)
def test_all_names_of_a_class_are_one(path):
    cls = getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2])
    if inspect.isclass(cls):
        assert {public_path(name) for name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}", path)} == {path}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("toolkit.data.speakers.AudioFiles", "toolkit.data.MixtureDataset"),
        ("toolkit.features.mel.LogMel", "toolkit.features.KaldiFbank"),
        ("toolkit.data.extraction.TargetSpeech", "toolkit.data.ExtractionDataset"),
        ("AudioFiles", "toolkit.data.MixtureDataset"),
        ("SumLoss", "toolkit.losses.WeightedSum"),
        ("toolkit.models.se.EcapaTdnn", "toolkit.models.se.EcapaTdnn"),  # of another room
        ("torch.optim.Adam", "torch.optim.Adam"),
        ("notes.EcapaTdnn", "notes.EcapaTdnn"),
        ("mean", "mean"),
        ("", ""),
    ],
)
def test_public_paths(name, path):
    assert public_path(name) == path


@pytest.mark.parametrize("former", sorted(aliases.MODULES))
def test_former_paths_have_all_names_of_the_present_module(former):
    module, present = (importlib.import_module(f"toolkit.{name}") for name in (former, aliases.MODULES[former]))
    names = [n for n in vars(present) if not n.startswith("_") and f"{former}.{n}" not in aliases.FUNCTIONS]
    assert all(getattr(module, name) is getattr(present, name) for name in names)


@pytest.mark.parametrize("former", aliases.FUNCTIONS)
def test_former_functions_lead_somewhere(former):
    module, _, name = former.rpartition(".")
    assert callable(getattr(importlib.import_module(f"toolkit.{module}"), name))


def test_a_base_may_name_its_class_otherwise(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "model: {class_path: toolkit.models.sv.ecapa_tdnn.EcapaTdnn, init_args: {scale: 4}}"
    )
    (tmp_path / "b.yaml").write_text("base: a.yaml\nmodel: {class_path: EcapaTdnn, init_args: {channels: 8}}")
    assert load_config(tmp_path / "b.yaml")["model"]["init_args"] == {"scale": 4, "channels": 8}


def test_short_names_at_any_depth(tmp_path):
    (tmp_path / "a.yaml").write_text("loss: {class_path: Multitask, init_args: {loss: {class_path: SSLMSE}}}")
    loss = load_config(tmp_path / "a.yaml")["loss"]
    assert loss["init_args"]["loss"]["class_path"] == "toolkit.losses.enhancement.SSLMSE"
    argv = ["--loss", "Multitask", "--loss.init_args.loss", "SSLMSE"]
    args = get_parser(registry.get("se"), "").parse([*argv, "--loss.init_args.loss.init_args.ssl", "Untrained"])
    assert args.loss.init_args.loss.init_args.ssl.class_path == "toolkit.models.ssl.Untrained"


@pytest.mark.parametrize("argv", [["--model", "EcapaTdn"], ["--model.class_path", "EcapaTdn"]])
def test_the_nearest_name_is_offered(argv, tmp_path):
    with pytest.raises(InputError, match=r"did you mean EcapaTdnn\?"):
        get_parser(registry.get("sv"), "").parse(argv)
    (tmp_path / "a.yaml").write_text(f"model: {argv[1]}")
    with pytest.raises(InputError, match=r"a.yaml: model: .*did you mean EcapaTdnn\?"):
        get_parser(registry.get("sv"), "").parse(["--config", str(tmp_path / "a.yaml")])


def test_what_is_written_loads_back(tmp_path):
    parser = get_parser(registry.get("sv"), "")
    args = parser.parse(["--model", "ResNet34", "--schedule.class_path", "StepDecay"])
    (tmp_path / "a.yaml").write_text(parser.dump(args, skip_default=False))
    assert load_config(tmp_path / "a.yaml")["model"]["class_path"] == "toolkit.models.sv.ResNet34"
    again = get_parser(registry.get("sv"), "").parse(["--config", str(tmp_path / "a.yaml")])
    assert parser.dump(again, skip_default=False) == (tmp_path / "a.yaml").read_text()


def test_help_names_classes_that_nothing_has_imported(python):
    command = [python, "-m", "toolkit.bin.train", "sv", "--help"]
    help_text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {"EcapaTdnn", "ERes2NetV2", "ResNet34", "MeanFbank", "ParaNoise"} <= set(
        help_text.replace(",", " ").replace(".", " ").replace(")", " ").split()
    )


def test_a_class_from_elsewhere_does_not_pass_by_its_short_name():
    check_classes({"model": {"class_path": "EcapaTdnn"}}, Path("config.yaml"))
    for name in ("InputError.__init__", "notes.EcapaTdnn"):
        with pytest.raises(InputError, match="--trust"):
            check_classes({"model": {"class_path": name}}, Path("config.yaml"))
