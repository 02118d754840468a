"""The work of `voxsift convert`: recognise the format of the input, call its reader or a writer."""

from pathlib import Path

from toolkit.cli.shared.outputs import json_text
from toolkit.io.errors import InputError, counted
from toolkit.io.interchange.lhotse_manifests import SUFFIXES, read_manifests, write_manifests
from toolkit.io.interchange.versa_lists import PRED, read_versa, write_versa
from toolkit.io.interchange.webdataset_shards import read_shards, write_shards


def format_of(path: Path) -> str:
    """The format of an input: ``kaldi``, ``lhotse``, ``webdataset`` or ``versa``.

    Raises:
        InputError: nothing is there, or nothing that is known.
    """
    names = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else [path.name]
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    kinds = {
        "kaldi": "wav.scp" in names and path.is_dir(),
        "versa": PRED in names and path.is_dir(),
        "lhotse": any(name.endswith(SUFFIXES) for name in names),
        "webdataset": any(name.endswith((".tar", ".tar.gz", ".tgz")) for name in names),
    }
    if kind := next((kind for kind, there in kinds.items() if there), None):
        return kind
    raise InputError(f"{path}: holds no wav.scp, manifest (.jsonl.gz), shard (.tar) or {PRED}; give one of these")


def interchange(args) -> None:
    """Convert by the options of ``voxsift convert``."""
    paths = [Path(word) for word in args.inputs]
    source = format_of(paths[0])
    target = args.to or "kaldi"
    if (source == "kaldi") == (target == "kaldi"):
        remedy = "give --to lhotse, webdataset or versa" if source == "kaldi" else "convert it to a data dir first"
        raise InputError(f"{paths[0]}: is in the format {source}, --to is {target}; {remedy}")
    if source in ("kaldi", "versa") and len(paths) > 1:
        raise InputError(f"{paths[1]}: is a second input; give one folder")
    if args.reference and target != "versa":
        raise InputError("--reference: only lists of VERSA have one; leave it out, or give --to versa")
    result = {"output": args.output, "from": source, "to": target}
    if target == "versa":
        result["utterances"], result["io"] = write_versa(paths[0], args.output, args.reference)
    else:
        result["utterances"] = _converted(source, target, paths, args)
    if args.json:
        print(json_text(result))
    else:
        note = f"; score it by VERSA with --io {result['io']}" if target == "versa" else ""
        print(f"{args.output}: {counted(result['utterances'], 'utterance')} as {target}{note}")


def _converted(source: str, target: str, paths: list[Path], args) -> int:
    """Call a reader or a writer; the number of utterances."""
    if target == "lhotse":
        return write_manifests(paths[0], args.output)
    if target == "webdataset":
        return write_shards(paths[0], args.output, args.shard_mb)
    if source == "lhotse":
        return read_manifests(paths, args.output, args.root, args.speaker_prefix)
    if source == "webdataset":
        return read_shards(paths, args.output, args.speaker_prefix)
    return read_versa(paths[0], args.output)
