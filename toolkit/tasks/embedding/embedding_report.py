"""The report of an experiment in embedding enhancement: that of verification, and what only enhancement has."""

import argparse

from toolkit.report.verification.enhanced_embeddings import sections
from toolkit.tasks.verification import trial_report

add_arguments = trial_report.add_arguments


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; ``command`` is named on its pages."""
    trial_report.write(args, command, sections)
