"""Bad inputs among many: the others go on, and the bad ones are listed at the end."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from toolkit.cli.shared.inputs import STDIN, Input
from toolkit.io.errors import InputError, counted, one_line, some_of


class Failures:
    """Faults of single inputs; a command calls :meth:`check` after the last.

    Args:
        inputs: all inputs.

    Attributes:
        messages: name of each input that failed -> its fault.

    Example::

        failures = Failures(recordings)
        for recording in recordings:
            with failures.of(recording):
                texts[recording.key] = transcribe(recording)
        failures.check()
    """

    def __init__(self, inputs: Sequence[Input]):
        self._total = len(inputs)
        self.messages: dict[str, str] = {}

    @contextmanager
    def of(self, recording: Input) -> Iterator[None]:
        """Print an InputError of one input among several, and go on."""
        try:
            yield
        except InputError as error:
            message = str(error).replace(recording.value, STDIN) if recording.name == STDIN else str(error)
            self.messages[recording.name] = message
            if self._total > 1:
                print(f"error: {one_line(message)}", file=sys.stderr)

    def check(self) -> None:
        """Raise InputError with the names of the inputs that failed, if any; of a single input with its fault."""
        if self._total == 1:
            for message in self.messages.values():
                raise InputError(message)
        if self.messages:
            failed = f"{len(self.messages)} of {counted(self._total, 'input')} failed"
            raise InputError(f"{failed}: {some_of(self.messages)}")
