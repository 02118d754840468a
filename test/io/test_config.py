"""The classes below stand for a model and its parts; configs name them as a user's own classes are named."""

import sys
from functools import partial

import pytest
import yaml
from helpers.text_files import write_text

from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError


class Net:
    """What ``net`` can be."""


class Wide(Net):
    def __init__(self, width: int = 1, rate: float = 0.5, sizes: tuple[int, ...] = ()):
        if width > 1000:
            raise ValueError(f"width is {width}, at most 1000")
        self.width, self.rate = width, rate


class Deep(Net):
    def __init__(self, depth: int = 2, width: int = 3):
        self.depth, self.width = depth, width


class Loop:
    def __init__(self, epochs: int = 10, seconds: tuple[float, float] = (2.0, 3.0), note: str | None = None):
        self.epochs, self.seconds, self.note = epochs, seconds, note


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, "mynets", sys.modules[__name__])


@pytest.fixture
def write(tmp_path):
    return partial(write_text, tmp_path)


def new_parser():
    parser = ConfigParser.command_line("a test")
    parser.add_argument("--net", type=Net, default={"class_path": "mynets.Wide", "init_args": {"width": 7}})
    parser.add_class_arguments(Loop, "loop")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def parse(*argv):
    return new_parser().parse([str(word) for word in argv])


def built(*argv):
    parser = new_parser()
    return parser.build(parser.parse([str(word) for word in argv]))


def test_keys_become_constructor_arguments(write):
    path = write("a.yaml", "net: {class_path: mynets.Deep, init_args: {depth: 9}}\nloop: {seconds: [1, 2.5]}\n")
    made = built("--config", path)
    assert (type(made.net), made.net.depth, made.loop.seconds, made.loop.epochs) == (Deep, 9, (1.0, 2.5), 10)


def test_a_users_own_class_plugs_in(write, monkeypatch, tmp_path):
    (tmp_path / "their_net.py").write_text("from mynets import Net\nclass Theirs(Net):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert type(built("--config", write("a.yaml", "net: their_net.Theirs\n")).net).__name__ == "Theirs"


@pytest.mark.parametrize("text", ["net: {class_path: mynets.Deep}", "net: mynets.Deep"])
def test_another_class_takes_nothing_from_the_defaults(write, text):
    assert built().net.width == 7
    assert built("--config", write("a.yaml", text)).net.width == 3


def test_later_configs_win_and_options_come_last(write):
    first = write("a.yaml", "loop: {epochs: 1, note: one}\nseed: 1\n")
    second = write("b.yaml", "loop: {epochs: 2}\n")
    args = parse("--seed", 3, "--config", first, f"--config={second}")
    assert (args.loop.epochs, args.loop.note, args.seed) == (2, "one", 3)
    assert parse("--loop.epochs", 5, "--config", first).loop.epochs == 5


def test_a_later_config_with_another_class(write):
    first = write("a.yaml", "net: {class_path: mynets.Deep, init_args: {width: 50}}")
    second = write("b.yaml", "net: {class_path: mynets.Wide, init_args: {rate: 1e-3}}")
    net = parse("--config", first, "--config", second).net
    assert (net.class_path, net.init_args.rate, net.init_args.width) == ("mynets.Wide", 0.001, 1)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sed: 1", "sed"),
        ("loop: {epoch: 1}", "epoch"),
        ("loop: {epochs: many}", r"loop.epochs.*whole number.*many"),
        ("loop: {epochs: 1.5}", r"loop.epochs.*whole number.*1.5"),
        ("loop: {epochs: null}", r"loop.epochs.*whole number.*None"),
        ("loop: {seconds: [1, 2, 3]}", "loop.seconds"),
        ("loop: 3", "loop"),
        ("net: null", "net"),
        ("net: {class_path: mynets.Wide, init_args: {widht: 1}}", "widht"),
        ("net: {class_path: mynets.Wide, init_args: {width: x}}", "width.*whole number.*x"),
        ("net: {class_path: mynets.Wide, init_args: {width: null}}", "width.*whole number.*None"),
        ("net: {class_path: mynets.Nothing}", "net.*mynets.Nothing"),
        ("net: {class_path: lost_nets.Wide}", r"net.*lost_nets\.py.*current folder.*PYTHONPATH"),
        ("net: {class_path: lost.nets.Wide}", r"net.*lost\.py.*current folder"),
        ("net: {class_path: mynets.Loop}", "net.*Loop.*subclass of Net"),
        ("seed: 2024-01-01", "seed"),
    ],
)
def test_a_wrong_key_is_named_with_the_file(write, text, key):
    path = write("a.yaml", text)
    with pytest.raises(InputError, match=f"{path}: .*{key}"):
        parse("--config", path)
    with pytest.raises(InputError, match=f"a.yaml: .*{key}"):
        new_parser().parse_checked(yaml.safe_load(text), "a.yaml")


@pytest.mark.parametrize("argv", [["--sed", "1"], ["--see", "1"], ["--loop.epochs", "x"], ["--seed"], ["--config"]])
def test_a_wrong_option_is_named(argv):
    with pytest.raises(InputError, match=argv[0].strip("-")):
        parse(*argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--loop.epoch", "3"], "unrecognized arguments: --loop.epoch, did you mean --loop.epochs?"),
        (["--epochs", "3"], "unrecognized arguments: --epochs, did you mean --loop.epochs?"),
        (["--zzz", "3"], "unrecognized arguments: --zzz"),
        (["--loop.epochs", "x"], "--loop.epochs: must be a whole number, got x"),
        (["--loop.epochs=x"], "--loop.epochs: must be a whole number, got x"),
        (["--net.init_args.widht", "3"], "--net.init_args.widht: Wide has no key widht, did you mean width?"),
        (["--net.init_args.width", "x"], "--net.init_args.width: must be a whole number, got x"),
        (["--net", "mynets.Wid"], "--net: mynets.Wid not found, did you mean Wide?"),
        (["--net.init_args.sizes", "3"], "--net.init_args.sizes: must be a list such as [1, 2], got 3"),
        (["--net", "wide"], "--net: must be a class of the toolkit or module.Class, got wide"),
        (["--loop", "3"], "--loop: must be a mapping of keys, not a value"),
        (["--loop.seconds", "[1]"], "--loop.seconds: must be a list of 2 elements, got [1]"),
        (["--loop.seconds", "[1, a]"], "--loop.seconds: must be a number, got a"),
        (["--snrs", "[0, abc]"], "--snrs: must be a list of numbers such as [0, 10], got [0.0, 'abc']"),
        (["--snrs", "x"], "--snrs: must be a list of numbers such as [0, 10], got x"),
    ],
)
def test_a_fault_of_an_option_is_said_in_plain_words(write, argv, message):
    """And the config, which is not to blame, is not named."""
    parser = new_parser()
    parser.add_argument("--snrs", type=list[float] | None, default=None)
    with pytest.raises(InputError) as caught:
        parser.parse([*argv, "--config", write("a.yaml", "seed: 1")])
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loop: {epoch: 1}", "loop has no key epoch, did you mean epochs?"),
        ("sed: 1", "unknown key sed, did you mean seed?"),
        ("zzz: 1", "unknown key zzz"),
        ("lop: {epochs: 1}", "unknown key lop, did you mean loop?"),
        ("ent: {class_path: mynets.Deep}", "unknown key ent, did you mean net?"),
        ("loop: {epochs: many}", "loop.epochs: must be a whole number, got many"),
        ("net: {class_path: mynets.Deep, init_args: {dept: 1}}", "net: Deep has no key dept, did you mean depth?"),
        ("net: {init_args: {width: x}}", "net: width: must be a whole number, got x"),
    ],
)
def test_a_fault_of_a_config_is_said_in_plain_words(write, text, message):
    path = write("a.yaml", text)
    with pytest.raises(InputError) as caught:
        parse("--config", path, "--net.init_args.rate", "0.25")
    assert str(caught.value) == f"{path}: {message}"


def test_a_library_that_a_users_module_imports_is_missing(monkeypatch, tmp_path):
    (tmp_path / "their_net.py").write_text("import lost_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_net", raising=False)
    with pytest.raises(InputError) as caught:
        parse("--net", "their_net.Theirs")
    assert str(caught.value) == "--net: their_net.Theirs: its module imports lost_library, which is not installed"


def test_a_missing_option_is_named():
    parser = new_parser()
    parser.add_argument("--expdir", type=str, required=True)
    with pytest.raises(InputError, match="required: expdir"):
        parser.parse([])


def test_a_value_that_the_constructor_refuses(write):
    path = write("a.yaml", "net: {class_path: mynets.Wide, init_args: {width: 1001}}")
    with pytest.raises(InputError, match="width is 1001, at most 1000"):
        built("--config", path)


def test_a_value_that_the_constructor_of_a_member_of_a_union_refuses(write):
    parser = new_parser()
    parser.add_argument("--extra", type=Wide | None, default=None)
    path = write("a.yaml", "extra: {class_path: mynets.Wide, init_args: {width: 1001}}")
    with pytest.raises(InputError) as caught:
        parser.build(parser.parse(["--config", path]))
    assert str(caught.value) == f"{path}: width is 1001, at most 1000"


def test_print_config_prints_all_that_a_run_would_use(write, capsys):
    path = write("a.yaml", "net: mynets.Deep\n")
    with pytest.raises(SystemExit) as caught:
        parse("--print_config", "--config", path, "--seed", 4)
    assert not caught.value.code
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["net"] == {"class_path": "mynets.Deep", "init_args": {"depth": 2, "width": 3}}
    assert parse("--config", write("b.yaml", printed)).as_dict() == parse("--config", path, "--seed", 4).as_dict()


@pytest.mark.parametrize(
    "argv",
    [["--loop.seconds", "[nan, 1]"], ["--loop.seconds", "[1, .inf]"], ["--loop.epochs", 10**20], ["--seed", ""],
     ["--seed", "\udcff"], ["--loop.epochs", "9" * 5000]],
)  # fmt: skip
def test_numbers_and_words_that_no_config_has(argv):
    with pytest.raises(InputError, match=argv[0].lstrip("-")):
        parse(*argv)


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), RuntimeError("x"), TypeError("x"), IndexError("x")])
def test_what_a_constructor_raises_is_of_the_config(error, monkeypatch):
    def fail(self, *_, **__):
        raise error

    parser = new_parser()
    args = parser.parse([])
    monkeypatch.setattr(Loop, "__init__", fail)
    with pytest.raises(InputError, match=f"{type(error).__name__}: x"):
        parser.build(args)
