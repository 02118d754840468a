"""Facts that a config holds at any depth."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath


def ssl_names(part) -> Iterator[str]:
    """Names of the self-supervised models in a part of a config: of torchaudio, of experiments, else of classes."""
    for key, value in part.items() if isinstance(part, Mapping) else ():
        if key == "ssl" and isinstance(value, Mapping):
            arguments = value.get("init_args") or {}
            system = PurePath(str(arguments.get("system") or "")).name.removesuffix(".zip")
            yield arguments.get("name") or system or str(value.get("class_path", "")).rpartition(".")[2]
        else:
            yield from ssl_names(value)
