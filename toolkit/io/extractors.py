"""``embedding_conf.yaml``: the extractor of the embeddings in a folder. Readers compare it with the expected one."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_yaml

CONF = "embedding_conf.yaml"
_REMEDY = "extract the embeddings again, or remove this file if you know their extractor"


def write_extractor(folder, identity: Mapping) -> None:
    """Write the extractor of the embeddings in a folder (``Verifier.identity`` of toolkit.systems.verifier)."""
    with replacing(Path(folder) / CONF) as handle:
        yaml.safe_dump(dict(identity), handle, sort_keys=False)


def read_extractor(folder) -> dict | None:
    """The extractor of the embeddings in a folder; None if unknown, as for arks made by other software.

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
