"""Facts that a config holds at any depth."""

from collections.abc import Iterator, Mapping


def ssl_names(part) -> Iterator[str]:
    """Names of the self-supervised models in a part of a config: those of torchaudio, else of their classes."""
    for key, value in part.items() if isinstance(part, Mapping) else ():
        if key == "ssl" and isinstance(value, Mapping):
            yield (value.get("init_args") or {}).get("name") or str(value.get("class_path", "")).rpartition(".")[2]
        else:
            yield from ssl_names(value)
