"""``embedding_conf.yaml``: what made the embeddings of a folder, written beside them and compared by who reads them."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_yaml

CONF = "embedding_conf.yaml"
_REMEDY = "embed again, or remove it if you know what made them"


def write_extractor(folder, identity: Mapping) -> None:
    """Say what made the embeddings of a folder (toolkit.systems.verifier.Verifier.identity)."""
    with replacing(Path(folder) / CONF) as handle:
        yaml.safe_dump(dict(identity), handle, sort_keys=False)


def read_extractor(folder) -> dict | None:
    """The extractor of the embeddings of a folder; None if unknown, as for arks from elsewhere.

    Raises:
        InputError: the file is malformed.
    """
    path = Path(folder) / CONF
    if not path.is_file():
        return None
    facts = read_yaml(path, _REMEDY)
    if fault := misfit(facts, {"extractor": str, "digest": str}):
        raise InputError(f"{path}: {fault}; {_REMEDY}")
    return facts
