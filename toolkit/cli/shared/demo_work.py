"""What the demo does with recordings: the work of the verbs, on systems that are loaded once."""

import logging
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from toolkit.cli.shared.conversion import Make, convert_one
from toolkit.cli.shared.enrolments import embed, enrolment_faults, identity_of, read_enrolments, warn_of_quality
from toolkit.cli.shared.inputs import file_input
from toolkit.cli.shared.systems import load_named, with_calibration
from toolkit.cli.shared.verification import decide
from toolkit.io.errors import InputError
from toolkit.io.progress import progress

VERBS = {"se": "Enhance", "tse": "Extract", "sv": "Verify", "asr": "Transcribe"}
_BLOCK_SECONDS = 120.0  # that recognition reads at once


class DemoWork:
    """The verbs on paths of recordings.

    Args:
        systems: task -> a loaded system; tasks may be missing.

    Example::

        output, notes = DemoWork({"se": Enhancer.load("exp/se")}).enhance("noisy.wav", 0.1)
    """

    def __init__(self, systems: Mapping[str, Any]):
        self.systems = systems

    @classmethod
    def load(cls, args: Namespace) -> "DemoWork":
        """The systems that the options of ``voxsift demo`` name, and the default of each other task.

        Raises:
            InputError: a named system cannot be loaded, or there is none at all.
        """
        systems = {}
        for task in VERBS:
            try:
                systems[task] = load_named(task, getattr(args, task), None, args.trust, args.device)
            except InputError as error:
                if getattr(args, task):
                    raise
                logging.info("%s: %s", task, error)
        if not systems:
            raise InputError("no model is installed; name one, such as --se exp/<tag>: voxsift demo --help")
        if args.calibration:
            if "sv" not in systems:
                raise InputError("--calibration: there is no model to verify with; name one by --sv")
            with_calibration(systems["sv"], args.calibration)
        return cls(systems)

    def enhance(self, path: str, keep: float) -> tuple[str, list[str]]:
        """The path of the enhanced recording, and notes on it; ``keep``: share of the recording in the output."""
        enhancer = self.systems["se"]
        return _converted(path, enhancer.fs, "enhance", lambda noisy: enhancer.enhance(noisy, observation=keep))

    def extract(self, path: str, enrolments: Sequence[str]) -> tuple[str, list[str]]:
        """The path of the extracted speech, and notes; ``enrolments``: recordings of only the speaker."""
        extractor = self.systems["tse"]
        with _notes() as notes:
            voices = read_enrolments(list(map(file_input, enrolments)), extractor.fs)
            warn_of_quality(voices)
        output, more = _converted(path, extractor.fs, "extract", lambda mixture: extractor.extract(mixture, voices))
        return output, notes + more

    def verify(self, enrolment: str, test: str, prior: float) -> tuple[dict[str, str], list[str]]:
        """Name -> text of what is known of two recordings, and notes; ``prior``: probability of one speaker."""
        verifier = self.systems["sv"]
        voices = [embed(verifier, file_input(path), "mean") for path in (enrolment, test)]
        identity = identity_of("the enrolment", voices[:1])
        decision = decide(verifier, identity, voices[1], prior)
        notes = enrolment_faults(verifier, identity)
        notes += [f"the test {fault}" for fault in voices[1].quality.warnings(verifier.fs)]
        facts = {"cosine": f"{decision.cosine:+.3f}"}
        if decision.llr is None:
            return facts, [*notes, "there is no calibration, so no decision: run 'voxsift calibrate'"]
        facts |= {"llr": f"{decision.llr:+.2f}", "probability": f"{decision.probability:.3f}"}
        return {"decision": "same speaker" if decision.same_speaker else "different speakers", **facts}, notes

    def transcribe(self, path: str) -> str:
        """The words of a recording."""
        recognizer = self.systems["asr"]
        return " ".join(recognizer.transcribe_blocks(file_input(path).blocks_at(recognizer.fs, _BLOCK_SECONDS, "mean")))


@contextmanager
def _notes() -> Iterator[list[str]]:
    """The warnings that are logged meanwhile."""
    notes: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: notes.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield notes
    finally:
        logging.getLogger().removeHandler(handler)


def _converted(path: str, fs: int, what: str, make: Make) -> tuple[str, list[str]]:
    """As `voxsift enhance` or `extract` of one recording; its output is in a temporary folder."""
    recording, output = file_input(path), Path(mkdtemp(prefix="voxsift-")) / f"{Path(path).stem}.wav"
    info = recording.info()
    with progress(round(info.frames / info.rate), what, "s") as bar:
        facts = convert_one(recording, str(output), None, fs, make, bar)
    return str(output), [f"the recording {fault}" for fault in facts["warnings"]]
