"""Try the verbs in a browser: record or drop files, enhance, extract, verify, transcribe.

Example: voxsift demo
         voxsift demo --se exp/se_train_gtcrn --tse exp/tse_mine --port 8000

The page is served to this machine only, until Ctrl-C. Recordings stay here. A task without a model has no tab. Needs
gradio: tools/install.sh --extras demo.
"""

import argparse

from toolkit.cli.shared.options import device_or_auto
from toolkit.io.command_line import add_trust, whole_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift demo``."""
    what = "an experiment, a packed.zip, or a name of 'voxsift models'; default: the first there"
    for task, verb in (("se", "enhance"), ("tse", "extract"), ("sv", "verify"), ("asr", "transcribe")):
        parser.add_argument(f"--{task}", metavar="MODEL", help=f"model to {verb} with: {what}")
    parser.add_argument("--calibration", help="calibration.json of 'voxsift calibrate', for --sv")
    parser.add_argument("--device", type=device_or_auto, default="auto", help="auto, cpu, cuda or cuda:<number>")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve; 0.0.0.0: to the whole network")
    parser.add_argument("--port", type=whole_number(1, 65535), default=7860, help="of the address")
    add_trust(parser)


def main(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from toolkit.cli.shared.demo_work import DemoWork
    from toolkit.io.libraries import find_library

    find_library("gradio", "demo")
    from toolkit.cli.shared.demo_page import serve

    serve(DemoWork.load(args), args.host, args.port)
