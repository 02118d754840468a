"""What may be wrong with a word of a command line, and with a file."""

import json

import yaml
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

SETTINGS = {"derandomize": True, "database": None, "deadline": None, "phases": [Phase.generate]}
SETTINGS["suppress_health_check"] = list(HealthCheck)
NUMBERS = [
    "nan",
    "inf",
    "-inf",
    "-1",
    "0",
    "1",
    "2",
    "0.5",
    "1e20",
    "-1e-300",
    "1e999",
    "9" * 20,
    "9" * 5000,
    "0x10",
    "٣",
    "1_0",
]
# Nothing here leads out of the folder: what is tried may be taken for the name of an output.
WORDS = [
    "sv.yaml/x",
    "",
    " ",
    "\0",
    "\n",
    ".",
    "a" * 300,
    "b/" * 3000,
    "x\udcff",
    "\ud800",
    "é\u0301",
    "\u00a0",
    "\ufeff",
    "a:b",
    "x:99999999999999999999",
    "-",
    "--",
    "none",
    "null",
    "true",
    "[",
    "{}",
    "[1]",
    "{a: 1}",
    "all",
    "*",
    "%s",
    "a,b",
    "torch.nn.Linear",
    "builtins.print",
    "os",
]
SNIPPETS = [
    *(word.encode("utf-8", "surrogateescape") for word in [*NUMBERS, *WORDS] if "\ud800" not in word),
    b"\xff\xfe",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"\0",
    b"[[",
    b'{"a":',
    b"NaN",
    b"-Infinity",
    b"null",
    b"\xc2\x85",
    b"#",
    b"'",
    b'"',
]
YAMLS = [
    b"!!timestamp 2001-99-99",
    b"a: !!timestamp x",
    b"a: &a [*a]",
    b"? [1, 2]\n: 3",
    b"a: " + b"9" * 5000,
    b"a: !!int ''",
    b"a: !!python/object:os.system {}",
    b"a: !!float ''",
    b"a: !!bool x",
    b"a: !!binary x",
    b"a: " + b"[" * 3000,
    b"- " * 3000,
    b"<<: 3",
    b"a: &a {<<: *a}",
    b"a: !!set {x, y}",
    b"a: !!omap [1]",
    b"a: 2001-01-01",
    b"1: 2",
    b"null: 3",
    b"base: a\0b",
    b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(9)),
    b"model: 3",
    b"model: {class_path: os.system}",
    b"model: {class_path: 3}",
    b"planner: []",
    b"planner: {noises: {a: {data: []}}}",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
no_pipe = st.characters(exclude_characters="|;&`$<>/.")  # nor is a text run as a command


@st.composite
def damaged(draw, data: bytes) -> bytes:
    """Another content of a file."""
    kind = draw(st.sampled_from(["word", "word", "json", "cut", "double", "flip", "insert", "yaml", "whole", "shape"]))
    at = draw(st.integers(0, max(0, len(data) - 1)))
    if kind == "word" and (words := data.split(b" ")):
        words[at % len(words)] = draw(st.sampled_from(SNIPPETS))
        return b" ".join(words)
    if kind == "json":
        return _other_value(draw, data)
    if kind == "shape":
        return json.dumps(draw(JSON)).encode()
    if kind in ("cut", "double"):
        end = min(len(data), at + draw(st.integers(1, 40)))
        return data[:at] + data[at:end] * (2 * (kind == "double")) + data[end:]
    if kind == "flip" and data:
        return data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
    if kind == "yaml":
        return draw(st.sampled_from([data + b"\n", b""])) + draw(st.sampled_from(YAMLS))
    if kind == "whole":
        return draw(
            st.sampled_from([b"", b"\n", b"{}", b"[]", b"[" * 100000, b"\xef\xbb\xbf" + data]) | st.binary(max_size=60)
        )
    return data[:at] + draw(st.sampled_from(SNIPPETS)) + data[at:]


def _other_value(draw, data: bytes) -> bytes:
    """JSON or YAML with one value of another kind; of no such text, a line less."""
    lines = data.splitlines(keepends=True)
    if len(lines) > 1 and lines[0][:1] == lines[1][:1] == b"{":  # a plan, a log
        at = draw(st.integers(0, len(lines) - 1))
        return b"".join([*lines[:at], _other_value(draw, lines[at]) + b"\n", *lines[at + 1 :]])
    try:
        content = yaml.safe_load(data.decode())
    except (ValueError, yaml.YAMLError):
        content = None
    if not isinstance(content, dict | list) or not content:
        return b"".join(lines[: draw(st.integers(0, max(0, len(lines) - 1)))])
    place = content
    while True:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            break
        place = place[key]
    if draw(st.booleans()):
        place[key] = draw(JSON)
    else:
        del place[key]
    return json.dumps(content).encode()
