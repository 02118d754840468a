"""Print a recording at another speed (tempo and pitch) as wav at its original rate; for wav.scp commands.

utils/perturb_data_dir_speed.sh writes such commands: python3 -m toolkit.bin.change_speed 0.9 a.flac |
A value that is itself a command is run only with --allow_pipes.
"""

import io
import sys

import numpy as np
import soundfile

from toolkit.io.audio import read_whole
from toolkit.io.command_line import Parser, real_number, run
from toolkit.io.samples import resample

parser = Parser(description=__doc__)
parser.add_argument("factor", type=real_number(0.1, 10), help="1.1 is faster and higher: N samples become N / 1.1")
parser.add_argument("value", help="a wav.scp value: file, file.ark:offset, or 'command |'")
parser.add_argument("--allow_pipes", action="store_true", help="run the value if it is a command")


def change_speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """(N, C) -> (N / factor rounded up, C): samples at ``factor`` times the rate, resampled to the original rate."""
    return np.stack([resample(channel, factor, 1.0) for channel in samples.T], axis=1)


def main(argv=None) -> None:
    """Write the wav to standard output, in 32-bit floats to avoid clipping and rounding."""
    args = parser.parse_args(argv)
    samples, rate = read_whole(args.value, "change_speed", "all", args.allow_pipes)
    wav = io.BytesIO()
    soundfile.write(wav, change_speed(samples, args.factor), rate, format="WAV", subtype="FLOAT")
    sys.stdout.buffer.write(wav.getvalue())


if __name__ == "__main__":
    sys.exit(run(main))
