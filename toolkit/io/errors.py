"""InputError, the only exception for bad input, and the parts of its messages."""

import textwrap
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Bad input: a file, an id or an option is wrong. The message names it, the fault and the remedy.

    Command lines turn it into one line on stderr and exit code 1, without a traceback.
    """


def one_line(text: str) -> str:
    """A message with line ends and other invisible characters written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_text(word: str) -> bool:
    """Whether a word of a command line is text: UTF-8 without NUL."""
    return "\0" not in word and not any("\ud800" <= c <= "\udfff" for c in word)


def some_of(ids, limit: int = 10, known: Iterable[str] = ()) -> str:
    """The first ``limit`` ids for a message, ``a, b, c (+12 more)``; invisible characters as ``\\u200b``.

    Args:
        known: the existing ids; the message names one that looks like a missing id.
    """
    ids = [str(i) for i in ids]
    more = f" (+{len(ids) - limit} more)" if len(ids) > limit else ""
    return ", ".join(map(shown, ids[:limit])) + more + _look_alike(ids, known)


def shown(text: str) -> str:
    """The text with escapes for invisible characters and for combining accents."""
    if text.isprintable() and unicodedata.is_normalized("NFC", text):
        return text
    apart = not unicodedata.is_normalized("NFC", text)
    hidden = (not c.isprintable() or (apart and unicodedata.combining(c) > 0) for c in text)
    return "".join(ascii(c)[1:-1] if escape else c for c, escape in zip(text, hidden, strict=True))


def _look_alike(ids: list[str], known: Iterable[str]) -> str:
    """A note on the first id that differs from a known id only by Unicode normalisation; usually empty."""
    if all(map(str.isascii, ids)):
        return ""
    composed = {unicodedata.normalize("NFC", key): key for key in known if not key.isascii()}
    for key in ids:
        other = composed.get(unicodedata.normalize("NFC", key), key)
        if other != key:
            forms = " vs ".join("NFC" if unicodedata.is_normalized("NFC", i) else "NFD" for i in (key, other))
            return f" ({shown(key)} differs from {shown(other)} only in Unicode normalisation, {forms})"
    return ""


def counted(count: int, noun: str) -> str:
    """A number with its noun: ``1 epoch``, ``2 epochs``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def nearest(word: str, known: Iterable[str]) -> str:
    """``, did you mean --speech?``, or empty if none of ``known`` is similar (``--epochs``: ``--trainer.epochs``)."""
    names = {name.casefold(): name for name in sorted(known)}
    whole = word.casefold()
    last = whole.lstrip("-").rpartition(".")[2]
    same = [name for name in names if name.lstrip("-").rpartition(".")[2] == last]
    matches = same or get_close_matches(whole, names, n=1) or get_close_matches(last, names, n=1)
    return f", did you mean {names[matches[0]]}?" if matches and names[matches[0]] != word else ""


def brief(error: Exception) -> str:
    """The type and the first words of a library's exception in one line, for a message.

    Example::

        brief(RuntimeError("no such tensor"))  # 'RuntimeError: no such tensor'
    """
    return textwrap.shorten(f"{type(error).__name__}: {error}", 220, placeholder=" ...")
