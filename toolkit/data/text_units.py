"""Text units of a recogniser: characters or BPE pieces, as a sentencepiece model."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from toolkit.data.matched_table import read_matched
from toolkit.io.errors import InputError, counted, some_of

# Special ids of every set of units: the blank of CTC, an unknown character, start and end of a text.
BLANK, UNK, EOS = 0, 1, 2
TEXT = "text"  # the table of transcripts, and the stream of their units
EMPTY = "<empty>"  # a recognised text without words, in a table
_MOST_BYTES = 2**24
_LONGEST_TEXT = 2**20  # bytes; sentencepiece leaves longer lines out


class TextUnits:
    """Conversion of text to ids and back.

    Args:
        model: content of a sentencepiece model of :func:`train_units`.
        name: name of its file, for messages.

    Attributes:
        table: of a data dir, which is encoded.

    Raises:
        InputError: ``model`` is not a sentencepiece model, or has other special ids.

    Example::

        units = TextUnits.read("data/units/char.model")
        units.decode(units.encode("TURN IT ON"))  # 'TURN IT ON'
    """

    table = TEXT

    def __init__(self, model: bytes, name: str = "units"):
        from sentencepiece import SentencePieceProcessor  # slow import that only recognition needs

        self.model = model
        try:
            if not 0 < len(model) <= _MOST_BYTES:
                raise ValueError(f"{len(model)} bytes")
            self._processor = SentencePieceProcessor(model_proto=model)
        except (RuntimeError, ValueError):
            raise InputError(f"{name}: not a sentencepiece model; train the units again") from None
        special = (self._processor.pad_id(), self._processor.unk_id(), self._processor.eos_id())
        if special != (BLANK, UNK, EOS):
            raise InputError(
                f"{name}: ids of blank (pad), unknown and end are {special}, must be {(BLANK, UNK, EOS)}; train the "
                "units with toolkit.bin.train_units"
            )

    @classmethod
    def read(cls, path) -> "TextUnits":
        """Read the units of a file. Raises InputError if it is missing or not a sentencepiece model."""
        try:
            return cls(Path(path).read_bytes(), str(path))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; make it with toolkit.bin.train_units") from None

    def __len__(self) -> int:
        return self._processor.get_piece_size()

    def pieces(self) -> list[str]:
        """Unit -> its piece of text, as sentencepiece writes it."""
        return [self._processor.id_to_piece(unit) for unit in range(len(self))]

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without start and end; unknown characters are UNK."""
        return self._processor.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with single blanks between words; special ids are skipped."""
        return " ".join(self._processor.decode([int(i) for i in ids if i not in (BLANK, UNK, EOS)]).split())

    def targets(self, path, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """Utterance -> ids of its transcript (L,) int64, of a data dir; warns of characters that the units lack.

        Args:
            path, keys: see read_matched, which raises.
        """
        texts = read_transcripts(path, keys)
        if lacking := self.lacking(texts):
            logging.warning("%s/%s: %s; they are encoded as <unk>", path, TEXT, lacking)
        return {key: np.array(self.encode(text), np.int64) for key, text in texts.items()}

    def lacking(self, texts: Mapping[str, str]) -> str:
        """A message on characters of the texts (by id) that the units lack; empty if they lack none."""
        counts: Counter[str] = Counter()
        ids = []
        for key, text in texts.items():
            if UNK in (encoded := self.encode(text)):
                ids.append(key)
                pieces = zip(encoded, self._processor.encode(text, out_type=str), strict=True)
                counts.update("".join(piece for unit, piece in pieces if unit == UNK))
        if not ids:
            return ""
        return f"{counted(len(ids), 'text')} with characters that the units lack ({some_of(counts)}): {some_of(ids, 5)}"


def train_units(texts: Iterable[str], kind: str = "char", size: int | None = None) -> bytes:
    """Train a sentencepiece model on texts without normalisation; the same texts give the same model.

    Args:
        texts: one line each.
        kind: ``char`` or ``bpe``.
        size: number of BPE units, with the three special ones; None for ``char``, which uses all characters.

    Raises:
        InputError: there is no text, or ``kind`` or ``size`` does not fit the text.
    """
    from sentencepiece import SentencePieceTrainer

    lines = [line for text in texts if (line := " ".join(text.split()))]
    if not lines:
        raise InputError("units: no text to train on; give a `text` table with transcripts")
    if kind not in ("char", "bpe") or (kind == "bpe") != (size is not None):
        raise InputError(f"units: {kind!r:.20} with size {size}: must be char without a size, or bpe with one")
    if (longest := max(len(line.encode()) for line in lines)) > _LONGEST_TEXT:
        raise InputError(f"units: a text has {longest} bytes, the limit is {_LONGEST_TEXT}; cut it")
    model = BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type=kind,
            vocab_size=size or 3 + len({"▁", *"".join(lines).replace(" ", "▁")}),
            character_coverage=1.0,
            normalization_rule_name="identity",
            max_sentence_length=_LONGEST_TEXT,
            num_threads=1,
            minloglevel=2,
            pad_id=BLANK,
            unk_id=UNK,
            eos_id=EOS,
            bos_id=-1,
            pad_piece="<blank>",
            unk_piece="<unk>",
            eos_piece="<sos/eos>",
        )
    except (RuntimeError, OSError) as error:
        reason = str(error).rpartition("] ")[2] or str(error)
        raise InputError(f"units: {kind} of size {size}: {reason[:200]}") from None
    return model.getvalue()


def read_transcripts(path, keys: Iterable[str]) -> dict[str, str]:
    """Transcripts of utterances: the table ``text`` of a data dir; arguments and errors of read_matched."""
    return read_matched(path, TEXT, keys, "transcript")
