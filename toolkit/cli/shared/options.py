"""Options that several verbs have. Imports nothing slow: `voxsift --help` reads all verbs."""

from toolkit.io.command_line import add_trust, channel, device, real_number

INPUTS = "files, folders, globs, .scp files, Kaldi data dirs, or - for standard input"


def add_inputs(parser, what: str = "recordings") -> None:
    """The recordings."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help=f"{what}: {INPUTS}")


def add_channel(parser, default: str) -> None:
    """The choice of a channel; ``default``: what happens without it."""
    parser.add_argument("--channel", type=channel, help=f"of several, from 0, or mean; default: {default}")


def add_json(parser) -> None:
    """The option for JSON."""
    parser.add_argument("--json", action="store_true", help="results as JSON on standard output")


def add_overwrite(parser) -> None:
    """The option to replace outputs."""
    parser.add_argument("--overwrite", action="store_true", help="write again what is there; default: keep it")


def add_audio_output(parser) -> None:
    """The options of verbs that write audio."""
    what = "a folder, a file (of one input), or - for standard output"
    parser.add_argument("-o", "--output", required=True, help=what)
    parser.add_argument("--format", choices=("wav", "flac"), help="of files in a folder; default: wav, of flac flac")
    add_overwrite(parser)
    add_json(parser)
    add_channel(parser, "each channel by itself")


def add_stream(parser, what: str) -> None:
    """The options of verbs that can process standard input as it arrives."""
    parser.add_argument("--stream", action="store_true", help=f"{what} standard input as it arrives")
    add_block(parser, None)


def add_block(parser, default: float | None) -> None:
    """How much of a stream is read at once, in ms."""
    what = "audio that a stream reads at once: more takes less time and adds latency; default: 16"
    parser.add_argument("--block_ms", type=real_number(1, 1000), default=default, help=what)


def add_system(parser) -> None:
    """The options that choose a trained system and its device."""
    kinds = "exp/<tag>, a packed.zip, an ONNX file, hf:owner/name, or a name of 'voxsift models'"
    what = f"trained system: {kinds}; default: the first of 'voxsift models'"
    parser.add_argument("--model", help=what)
    parser.add_argument("--weights", help="which weights of an experiment; default: those that training leaves for use")
    devices = "auto (a GPU where there is one), cpu, cuda or cuda:<number>"
    parser.add_argument("--device", type=device_or_auto, default="auto", help=devices)
    add_trust(parser)


def device_or_auto(word: str) -> str:
    """Type of an option: ``auto`` or a device."""
    return word if word == "auto" else device(word)
