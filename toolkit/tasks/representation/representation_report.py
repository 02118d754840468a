"""The report of an experiment in self-supervised learning: accuracy of masked units by set and condition, comparisons.

The report reads scores*/<set>/{result.json,utterances.tsv}, which score_units writes. Accuracies of systems with other
units do not compare.
"""

import argparse

from toolkit.tasks.intent.intent_report import write_accuracies


def add_arguments(parser) -> None:
    """This report has no options besides those of every report."""


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; its pages name ``command``."""
    write_accuracies(args, command, "Accuracy of masked units (%)")
