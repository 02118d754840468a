"""Predict the speech units of masked frames by a trained system of task ssl, in formatted data dirs.

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job. The outputs are two tables of each set:
`utt2units`, the unit of each frame of the clean speech (spk1.scp of mixtures, else wav.scp), and `utt2predicted`, the
predicted unit of each masked frame and - for the others. The mask of an utterance depends on its id alone.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_job_arguments, add_network_choice, run

parser = Parser(description=__doc__)
add_network_choice(parser)
parser.add_argument("--units", required=True, help="file of toolkit.bin.cluster_frames that the system was trained on")
add_job_arguments(parser.add_argument_group("data dirs"))


def main(argv=None) -> None:
    """Predict."""
    args = parser.parse_args(argv)
    import torch

    from toolkit.io.jobs import each_set, write_job_tables
    from toolkit.systems.ssl_encoder import SSLEncoder
    from toolkit.systems.unit_file import read_units
    from toolkit.tasks.representation.held_out_speech import HeldOutSpeech
    from toolkit.tasks.representation.unit_prediction import predict

    encoder = SSLEncoder.chosen(args)
    units = read_units(args.units).to(args.device)
    torch.set_num_threads(1)
    for name, keys, bar in each_set(args.work, "units"):
        speech = HeldOutSpeech(Path(args.in_root) / name, encoder.fs, only=keys)
        targets, predicted = predict(encoder, units, speech, bar)
        write_job_tables(args.out_root, name, args.job, utt2units=targets, utt2predicted=predicted)


if __name__ == "__main__":
    sys.exit(run(main))
