"""The base class of trained systems: loading, sampling rate, device, description."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, TypeVar, cast

import torch
from torch import Tensor, nn

from toolkit.io.config import ConfigParser, load_config, merge
from toolkit.io.errors import InputError, counted
from toolkit.metrics.cost.complexity import count_macs, count_parameters, noise, profile
from toolkit.models.network import Network
from toolkit.nn.device import check_device
from toolkit.systems.card import card_lines
from toolkit.systems.inference.system_origin import summary
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.loading import Origin, load_network
from toolkit.systems.named import DEFAULT, NamedModel, default_model, network_of
from toolkit.systems.packing import with_embedders

_Self = TypeVar("_Self", bound="System")


class System:
    """A trained network for inference on audio.

    Args:
        network: network of class ``network_type``.
        origin: source of the network; :meth:`load` sets it.

    Attributes:
        task: name of the task: ``sv``, ``se``, ``tse``.
        network_keys: keys of a training config that define the network.
        network_type: class of ``network``.
        weights: default weights file in an experiment's folder.

    Raises:
        InputError: ``network`` is of another class.

    Example::

        system = System.load("exp/se_x")  # an Enhancer, because the experiment is an enhancement
        print(system)
    """

    task: ClassVar[str | None] = None
    network_keys: ClassVar[tuple[str, ...]] = ("model",)
    network_type: ClassVar[type[nn.Module]] = nn.Module
    weights: ClassVar[str] = "valid.loss.ave.pth"

    network: Network

    def __init__(self, network: nn.Module, origin: Origin | None = None):
        if not isinstance(network, self.network_type):
            name = type(self).__name__
            raise InputError(f"{type(network).__name__} is not a network of {name}; use {name}.load")
        self.network, self.origin = cast(Network, network), origin or Origin()

    @classmethod
    def load(cls: type[_Self], path=DEFAULT, weights: str | None = None, trust: bool = False, device="cpu") -> _Self:
        """Load an experiment's folder, a packed zip or a published checkpoint, in eval mode.

        Args:
            path: folder with ``config.yaml`` and weights, a zip, or a file that toolkit.systems.published recognises.
                Or a model of toolkit.systems.named; left out: the default one of the task.
            weights: weights file of a folder; None: the one that training selects.
            trust: also build classes from outside the toolkit. This runs code that the config names, so use it only
                if you trust the author of the model.
            device: ``cpu``, ``cuda``, ``cuda:1``, ...

        Raises:
            InputError: config or weights are missing (lists those that exist), damaged or do not match; the system is
                for another task; the config names a class from outside the toolkit without ``trust``; or the device
                does not exist.
        """
        if path is DEFAULT:
            path = default_model(cls.task or None)
        if isinstance(path, NamedModel) and path.path is None:
            return system_class(path.task)(*network_of(path)).to(device)
        path = path.path if isinstance(path, NamedModel) else path
        task, network, origin = load_network(path, cls.task, weights, trust)
        return system_class(task)(network, origin).to(device)

    @classmethod
    def chosen(cls: type[_Self], args) -> _Self:
        """The system that options name (toolkit.io.command_line.add_network_choice); faults as of :meth:`load`."""
        check_device(args.device)
        return cls.load(args.model, args.weights, args.trust, args.device)

    @classmethod
    def untrained(cls, config, fs: int | None = None) -> "System":
        """The system that a training config (a path) describes, before training; ``fs`` as in :meth:`build`."""
        kind: type[System] = cls if cls.task else system_class(task_of(load_config(config)) or "sv")
        return kind(kind.build(config, fs).eval())

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config keys of the network, ``network_keys``, to a parser."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    def build(cls, config, fs: int | None = None) -> Network:
        """The untrained network of a training config (a path).

        Args:
            config: path of the config; other keys are ignored.
            fs: sampling rate in Hz that the network must have; None: any.

        Raises:
            InputError: a key is unknown, a value is invalid, or the network is for another sampling rate.
        """
        network = parsed(config, cls.network_keys, cls.add_network_arguments).model
        if fs not in (None, network.fs):
            raise InputError(f"{config}: is for {network.fs} Hz, not for {fs} Hz; change model.init_args.fs")
        return network

    @classmethod
    def build_stored(cls, config) -> nn.Module:
        """The part of :meth:`build` that has weights."""
        return cls.build(config)

    @property
    def fs(self) -> int:
        """Sampling rate of the network in Hz; recordings at other rates are resampled."""
        return self.network.fs

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        for tensor in (*self.network.parameters(), *self.network.buffers()):
            return tensor.device
        return torch.device("cpu")

    def to(self: _Self, device) -> _Self:
        """Move the network to a device. Raises InputError if it does not exist."""
        try:
            target = torch.device(device)
            if target.type == "meta":
                raise ValueError("it holds no numbers")
            self.network.to(target)
        except Exception as error:  # the type depends on the device
            reason = str(error).strip().partition("\n")[0][:100]
            raise InputError(f"device {device!r:.40}: cannot be used ({reason}); use 'cpu'") from None
        return self

    @contextmanager
    def inferring(self) -> Iterator[nn.Module]:
        """The network in eval mode, without gradients; restores its mode afterwards."""
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                yield self.network
        finally:
            if was_training:
                self.network.train()

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """Example inputs of the network: batch size 1, ``seconds`` long."""
        return (noise(seconds, self.fs).to(self.device),)

    def counted(self, seconds: float) -> tuple[nn.Module, tuple]:
        """The part of the network for which papers report MACs, and its inputs."""
        return self.network, self.example(seconds)

    def cost(self, seconds: float = 1.0) -> dict[str, int]:
        """``parameters``, and ``macs``, the multiply-accumulates for ``seconds`` of audio."""
        return {"parameters": count_parameters(self.network), "macs": count_macs(*self.counted(seconds))}

    def measured_cost(self, seconds: float) -> dict[str, float]:
        """As :meth:`cost`, with measurements (toolkit.metrics.cost.complexity.profile); the network is on the CPU."""
        return profile(self.network, self.example(seconds), seconds, self.counted(seconds))

    def info(self) -> dict:
        """Description of the system.

        Returns:
            ``task``, ``class`` (of the network), ``path``, ``weights``, ``fs`` (Hz), ``parameters``, ``macs`` (of one
            second of audio), ``training`` (content of train_info.json), ``calibration`` (of calibration.json),
            ``card`` (toolkit.systems.card); None if unknown.
        """
        facts: dict[str, object] = {"task": self.task, "class": self.class_name(), "path": self.origin.path}
        facts |= {"weights": self.origin.weights, "fs": self.fs, **self.cost()}
        origin = self.origin
        return facts | {"training": origin.training, "calibration": origin.calibration, "card": origin.card}

    def class_name(self) -> str:
        """Class of the network that tables name; of a verifier that of the encoder."""
        return type(self.network).__name__

    def lines(self, facts: Mapping) -> dict[str, str]:
        """Name and value of each line of ``print``."""
        lines = {"task": facts["task"], "network": facts["class"], "weights": facts["weights"] or "-"}
        lines |= {"rate": f"{self.fs} Hz", "device": str(self.device), "parameters": f"{facts['parameters']:,}"}
        lines["cost"] = f"{facts['macs'] / 1e6:,.1f} M multiply-accumulates per second of audio"
        lines["training"] = "not known"
        if training := facts["training"]:
            parts = [counted(training[f"{noun}s"], noun) for noun in ("epoch", "step") if _is_count(training, noun)]
            parts += [f"{training[key]} {key}" for key in ("hours", "speakers", "utterances") if key in training]
            lines["training"] = ", ".join(parts) or "not known"
            known = ("pretrained", "train_dir", "date", "commit", "seed")
            lines |= {key: str(training[key]) for key in known if key in training}
        return lines

    def __str__(self) -> str:
        """A summary of about ten lines."""
        lines = self.lines(self.info()) | card_lines(self.origin.card)
        return summary(f"{type(self).__name__} {self.origin.path or ''}".strip(), lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.class_name()} {self.origin.path or 'untrained'}>"


def _is_count(training: Mapping, noun: str) -> bool:
    return isinstance(training.get(f"{noun}s"), int)


def parsed(config, keys: tuple[str, ...], add: Callable[[ConfigParser], None], over: dict | None = None):
    """The objects of some ``keys`` of a training config (a path); other keys are ignored.

    Args:
        add: function that adds the keys to a parser.
        over: values that override the config.
    """
    parser = ConfigParser()
    add(parser)
    values = {key: value for key, value in with_embedders(load_config(config), config).items() if key in keys}
    if over:
        values = merge({**{key: parser.get_default(key) for key in over}, **values}, over)
    return parser.build(parser.parse_checked(values, str(config)))
