"""Fetch a published self-supervised model, unless it is there, and print the size of its frames.

Example: python -m toolkit.bin.ssl_model wavlm_large      # prints 1024

Recipes of probes call it first, so that a model that cannot be had ends a run before its data are prepared.
"""

import sys

from toolkit.io.command_line import Parser, run

parser = Parser(description=__doc__)
parser.add_argument("name", help="name of a torchaudio pipeline in lower case: wavlm_base_plus, hubert_large, ...")
parser.add_argument("--weights", help="file with its weights, instead of a download")


def main(argv=None) -> None:
    """Fetch it."""
    args = parser.parse_args(argv)
    from toolkit.models.ssl import Pretrained

    model = Pretrained(args.name, args.weights)
    model.load()
    print(model.dim)


if __name__ == "__main__":
    sys.exit(run(main))
