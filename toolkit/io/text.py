"""Lines and fields of tables and lists: one definition for all readers and for the tools in utils/ (LC_ALL=C).

A blank is a space or a tab. A line ends with a newline; a carriage return before it is part of the line end. All other
characters are part of words, whatever their Unicode class: ids are equal if their bytes are. A byte order mark before
the first line is skipped. Characters that programs treat differently are refused: NUL, a carriage return within a line,
the control characters U+000B, U+000C and U+001C to U+001F.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from toolkit.io.errors import InputError

_WORD = re.compile(r"[^ \t\r\n\v\f\x1c-\x1f\0\ud800-\udfff]+")
_MARK, _UTF16 = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_ODD = b"\0\v\f\x1c\x1d\x1e\x1f"
_RARE = b"\r" + _ODD
_REFUSED = re.compile(rb"[" + _ODD + rb"]|\r(?!\n)")
_CHUNK_BYTES = 1 << 20


def fields(line: str, maxsplit: int = -1) -> list[str]:
    """The fields of a line or of a table's value. ``str.split`` would also split at Unicode spaces."""
    if line.isascii():
        return line.split(maxsplit=maxsplit)
    return [word.decode() for word in line.encode().split(maxsplit=maxsplit)]


def is_word(text) -> bool:
    """Whether ``text`` is a string that can be an id: a single field."""
    return isinstance(text, str) and _WORD.fullmatch(text) is not None


def refuse_fifo(path: Path) -> None:
    """Raise InputError for a FIFO, whose reader would wait for a writer; /dev/fd/63 of the shell is accepted."""
    if path.is_fifo() and path.parts[:2] != ("/", "dev"):
        raise InputError(f"{path}: is a FIFO; expected a file")


def blocks(
    path, missing: str = "no such file; run the stage that writes it", checked: bool = True
) -> Iterator[tuple[int, bytes]]:
    r"""Read a text file in blocks of a megabyte: number of the first line, and lines that end with ``\n``.

    The fields of such a line are ``line.split()``: the block holds no other blanks.

    Args:
        missing: message for a file that does not exist.
        checked: False: blocks are as in the file, and the number is always 1; see :func:`is_utf8` and :func:`is_rare`.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or holds a refused character (the line is named).
    """
    path, number = Path(path), 1
    try:
        refuse_fifo(path)
        with open(path, "rb") as handle:
            block = handle.read(_CHUNK_BYTES)
            if block.startswith(_UTF16):
                raise InputError(f"{path}: is UTF-16 text; save it as UTF-8")
            block = block.removeprefix(_MARK)
            while block:
                if not block.endswith(b"\n"):
                    block += handle.readline()
                    if not block.endswith(b"\n"):
                        block += b"\n"
                yield number, _checked(block, path, number) if checked else block
                number += block.count(b"\n") if checked else 0
                block = handle.read(_CHUNK_BYTES)
    except FileNotFoundError:
        raise InputError(f"{path}: {missing}") from None
    except (OSError, ValueError) as error:  # also an invalid path
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def is_utf8(block: bytes) -> bool:
    """Whether bytes are text in UTF-8."""
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def is_rare(block: bytes) -> bool:
    """Whether a block holds a refused character or a carriage return."""
    return any(byte in block for byte in _RARE)  # eight searches for a byte take a third of one translation


def _checked(block: bytes, path: Path, number: int) -> bytes:
    """The block, checked, with plain line ends."""
    rare = is_rare(block)
    if rare and b"\0B" in block:  # follows each key of a Kaldi ark
        raise InputError(f"{path}: is an ark, expected text; use the .scp that lists it")
    try:
        if not block.isascii():
            block.decode()
    except UnicodeDecodeError as error:
        line, begin = number + block.count(b"\n", 0, error.start), block.rfind(b"\n", 0, error.start) + 1
        text = block[begin : begin + 80].partition(b"\n")[0]
        raise InputError(f"{path}:{line}: cannot be read: is not UTF-8: {text!r}; save the file as UTF-8") from None
    if not rare:
        return block
    if bad := _REFUSED.search(block):
        line = number + block.count(b"\n", 0, bad.start())
        raise InputError(f"{path}:{line}: holds the control character U+{bad[0][0]:04X}; remove it")
    return block.replace(b"\r\n", b"\n")


def read_lines(path, missing: str = "no such file; run the stage that writes it") -> Iterator[tuple[int, str]]:
    """Number and text of each line, without line end; arguments and errors as of :func:`blocks`."""
    for first, block in blocks(path, missing):
        yield from enumerate(block[:-1].decode().split("\n"), first)


def columns_of(block: bytes, count: int) -> list[list[str]] | None:
    """The columns of a block of lines; None if a line does not have ``count`` fields."""
    # One split for all lines is twice as fast as one per line; the marks prove that each line has ``count`` fields.
    lines, marked = block.count(b"\n"), block.replace(b"\n", b" \0 ")
    words = fields(marked.decode())
    if len(words) != (count + 1) * lines or words[count :: count + 1].count("\0") != lines:
        return None
    return [words[i :: count + 1] for i in range(count)]
