"""Extract one enrolled speaker from recordings of several talkers.

Example: voxsift extract --enroll me.wav me_again.wav -o me/ -- meeting.wav 'calls/*.wav'
         cat meeting.wav | voxsift extract --stream --enroll me.wav -o - --model exp/tse_train_gtcrn -- - > me.wav

Enrol recordings of only this speaker, some seconds or more; of each the first two minutes count. Outputs have the rate,
length and channels of the inputs; those that are there already are kept. A recording longer than 5 minutes is processed
in blocks that overlap by 2 s, where they are cross-faded.

--stream writes speech as standard input arrives, in the form that 'voxsift enhance --help' explains. It needs a causal
network, GTCRNExtractor, trained with a loss that depends on the level. The latency is reported.
"""

import argparse

from toolkit.cli.shared.options import INPUTS, add_audio_output, add_inputs, add_stream, add_system


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift extract``."""
    add_inputs(parser, "recordings of the speaker among others")
    parser.add_argument(
        "--enroll", nargs="+", required=True, metavar="INPUT", help=f"recordings of only the speaker: {INPUTS}"
    )
    add_audio_output(parser)
    add_stream(parser, "extract from")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Extract."""
    from toolkit.cli.shared.enrolments import read_enrolments, warn_of_quality
    from toolkit.cli.shared.inputs import inputs_of
    from toolkit.cli.shared.streaming import check_options, convert_standard_input
    from toolkit.cli.shared.systems import load_system

    check_options(args)
    extractor = load_system("tse", args)
    enrolments = read_enrolments(inputs_of(args.enroll), extractor.fs, args.channel)
    if args.stream:
        stream = extractor.stream(enrolments)
        warn_of_quality(enrolments)
        convert_standard_input(stream, args)
        return
    from toolkit.cli.shared.conversion import convert

    warn_of_quality(enrolments)
    convert(args, extractor.fs, "extract", lambda mixture: extractor.extract(mixture, enrolments))
