"""Write Kaldi data dirs of the mini corpus: train dev test babble_test, commands_*, noise_*, music_* and rirs_*."""

import argparse
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import write_data_dir
from toolkit.io.errors import InputError
from toolkit.simulate.minicorpus.bank import read_tsv

_SPEECH_SETS = {"train": "train", "dev": "dev", "test": "test", "babble": "babble_test"}


parser = Parser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("--corpus", required=True, help="output of make_minicorpus; wav.scp holds this path unchanged")
parser.add_argument("--outdir", default="data", help="folder of the data dirs")


def main(argv: list[str] | None = None) -> None:
    """Write all sets."""
    args = parser.parse_args(argv)
    corpus, outdir = Path(args.corpus), Path(args.outdir)
    if not (corpus / "corpus.json").is_file():
        raise InputError(
            f"{corpus}: is not a complete mini corpus; run python -m toolkit.bin.make_minicorpus --outdir {corpus}"
        )
    sets = []
    for split, rows in _by_split(corpus / "speech", "speaker", "gender", "text").items():
        if split not in _SPEECH_SETS:
            raise InputError(f"{corpus}/speech/metadata.tsv: unknown split {split}; make the corpus again")
        sets.append((_SPEECH_SETS[split], corpus, rows, *_speech_tables(rows)))
    if (corpus / "commands").is_dir():
        for split, rows in _by_split(corpus / "commands", "speaker", "gender", "text", "intent").items():
            utt2spk, tables = _speech_tables(rows)
            intents = {"utt2intent": _table(rows, "intent")}
            sets.append((f"commands_{split}", corpus, rows, utt2spk, tables | intents))
    for split, rows in _by_split(corpus / "noise", "kind").items():
        kinds = _table(rows, "kind")
        sets.append((f"noise_{split}", corpus, rows, kinds, {"utt2noise": kinds, "utt2dur": _table(rows, "seconds")}))
    for split, rows in _by_split(corpus / "music").items():
        kinds = dict.fromkeys(_table(rows, "path"), "music")
        sets.append((f"music_{split}", corpus, rows, kinds, {"utt2noise": kinds, "utt2dur": _table(rows, "seconds")}))
    for bank in sorted((corpus / "rooms").iterdir()):
        rows = read_tsv(bank / "metadata.tsv", "path", "room", "rt60")
        sets.append((f"rirs_{bank.name}", bank, rows, _table(rows, "room"), {"utt2rt60": _table(rows, "rt60")}))
    for name, root, rows, utt2spk, tables in sets:  # all of them were read
        wav = {key: root / path for key, path in _table(rows, "path").items()}
        write_data_dir(outdir / name, wav, utt2spk, **tables)


def _by_split(folder: Path, *columns: str) -> dict[str, list[dict]]:
    """The rows of ``folder``'s table, split by split."""
    splits: dict[str, list[dict]] = {}
    for row in read_tsv(folder / "metadata.tsv", "path", "split", "seconds", *columns):
        if not row["split"].isidentifier():
            raise InputError(f"{folder}/metadata.tsv: split {row['split']!r} must be a word; make the corpus again")
        splits.setdefault(row["split"], []).append(row)
    return splits


def _speech_tables(rows: list[dict]) -> tuple[dict, dict[str, dict]]:
    """utt2spk, and the other tables of a set of speech."""
    tables = {"text": _table(rows, "text"), "utt2dur": _table(rows, "seconds")}
    return _table(rows, "speaker"), tables | {"spk2gender": {row["speaker"]: row["gender"] for row in rows}}


def _table(rows: list[dict], column: str) -> dict[str, str]:
    """Utterance id (the file's name) -> a column."""
    return {Path(row["path"]).stem: row[column] for row in rows}


if __name__ == "__main__":
    sys.exit(run(main))
