"""Error messages of jsonargparse on a wrong key or value, rewritten as one plain line."""

import inspect
import pydoc
import re
from collections.abc import Iterable, Sequence

from toolkit.exports import public_names
from toolkit.io.errors import nearest

_FORMS = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'str'>": "text",
    "<class 'bool'>": "true or false",
    "<class 'list'>": "a list such as [a, b]",
    "<class 'tuple'>": "a list such as [1, 2]",
    "<class 'dict'>": "a mapping such as {a: 1}",
    "list[int]": "a list of whole numbers such as [1, 2]",
    "list[float]": "a list of numbers such as [0, 10]",
    "list[str]": "a list of names such as [a, b]",
}
_KEY = re.compile(r'Parser key "([^"]+)"')
_CLASS = re.compile(r"class_path[ =]'([^']+)'")
_NO_KEY = re.compile(
    r"(?:Group '(?P<group>[^']+)' does not accept option|Option) '(?P<key>[^']+)'(?: is not accepted)?"
)
_EXPECTED = re.compile(r"Expected a (<class '\w+'>|tuple with \d+ elements)(?:\. Got value: (.*))?")
_NO_MODULE = re.compile(r"No module named '([^']+)'")
_REFUSED = re.compile(
    r"Does not validate against any of the Union subtypes Subtypes: .*? Errors: - (.*?) - Expected a "
)
_GIVEN = re.compile(r"Given value: (?!Namespace)(.+?)(?:\. Got value: |$)")
_UNION = re.compile(r"Subtypes: \[(.+)\] Errors: .* Given value: (.*)")


def in_plain_words(message: str, options: Iterable[str], argv: Sequence[str], source: str) -> str:
    """The error message of a parser, in one line.

    Args:
        message: the message of jsonargparse, several lines.
        options: options of the command line, ``--trainer.epochs``, ...
        argv: words of the command line, to name the wrong option as the user wrote it.
        source: config files, named if the fault is not in ``argv``; or ``""``.
    """
    options = list(options)
    if message.startswith("unrecognized arguments: -"):
        word = message.split()[2].partition("=")[0]
        return f"unrecognized arguments: {word}{nearest(word, options)}"
    if message.startswith(("unrecognized arguments:", "argument ")):
        return message
    lines = " ".join(message.split())
    keys = _KEY.findall(lines)
    unknown = _NO_KEY.search(lines)
    inner = unknown["key"] if unknown else keys[-1] if len(set(keys)) > 1 else ""
    what = _what(lines, options)
    words = [word.partition("=")[0] for word in argv if word.startswith("--")]
    outer = keys[0] if keys else unknown["group"] or unknown["key"] if unknown else ""
    for word in words:
        if outer and (word == f"--{outer}" or (word.startswith(f"--{outer}.") and word.endswith(f".{inner}"))):
            inside = f"{inner}: " if word == f"--{outer}" and inner and not unknown else ""
            return f"{word}: {inside}{what}"
    place = ": ".join(dict.fromkeys(keys))
    return ": ".join(part for part in (source, place, what) if part)


def of_constructor(message: str) -> str:
    """The constructor's message, if jsonargparse reports that no member of a union accepts a value."""
    errors = _REFUSED.search(" ".join(message.split()))
    return errors[1] if errors else message


def _what(lines: str, options: list[str]) -> str:
    """The fault, without key or file."""
    if wrong := _NO_KEY.search(lines):
        key, owner = wrong["key"], _CLASS.findall(lines[: wrong.start()] + lines[wrong.end() :])
        if wrong["group"]:
            group = wrong["group"] + "."
            known = [option[2 + len(group) :] for option in options if option.startswith("--" + group)]
            return f"{wrong['group']} has no key {key}{nearest(key, known)}"
        if owner:
            return f"{owner[-1].rpartition('.')[2]} has no key {key}{nearest(key, _parameters(owner[-1]))}"
        keys = {option[2:].partition(".")[0] for option in options}
        key = key if (top := key.partition(".")[0]) in keys else top  # report modle, not modle.class_path
        return f"unknown key {key}{nearest(key, keys)}"
    if (path := _CLASS.findall(lines)) and (missing := _NO_MODULE.search(lines)):
        if not f"{path[-1]}.".startswith(f"{missing[1]}."):
            return f"{path[-1]}: its module imports {missing[1]}, which is not installed"
        file = missing[1].replace(".", "/")
        return (
            f"no module named {missing[1]} for {path[-1]}: {file}.py or {file}/__init__.py must be in the current "
            "folder (the recipe's) or in a folder of PYTHONPATH"
        )
    if path and "has no attribute" in lines:
        module, _, name = path[-1].rpartition(".")
        classes = [
            attribute
            for attribute in dir(pydoc.locate(module))
            if inspect.isclass(pydoc.locate(f"{module}.{attribute}"))
        ]
        return f"{path[-1]} not found{nearest(name, classes)}"
    if (union := _UNION.search(lines)) and not _CLASS.search(lines):
        forms = [form for form in re.split(r", (?![^\[]*\])", union[1]) if form != "<class 'NoneType'>"]
        return f"must be {' or '.join(_FORMS.get(form, form) for form in forms)}, got {union[2]}"
    if wrong := _EXPECTED.search(lines):
        form = _FORMS.get(wrong[1], wrong[1].replace("tuple with", "a list of"))
        given = _GIVEN.search(lines)
        got = re.split(r" - Expected | Given value", wrong[2] or (given[1] if given else ""))[0]
        return f"must be {form}" + (f", got {got}" if got else "")
    if "Unable to load config" in lines:
        return "must be a mapping of keys, not a value"
    if "Expected a dot import path string:" in lines:
        name = lines.rpartition(": ")[2]
        return f"must be a class of the toolkit or module.Class, got {name}{nearest(name, public_names())}"
    return _KEY.sub("", lines).lstrip(": ")


def _parameters(path: str) -> set[str]:
    """Names of the constructor arguments of a class and its bases."""
    cls_or_function = pydoc.locate(path)
    bases = inspect.getmro(cls_or_function)[:-1] if inspect.isclass(cls_or_function) else ()
    makers = [vars(cls)["__init__"] for cls in bases if "__init__" in vars(cls)]
    return {name for maker in makers for name in inspect.signature(maker).parameters} - {"self"}
