"""Voices: embeddings of recordings, identities of several recordings, and whether an enrolment is good enough."""

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from toolkit.cli.shared.inputs import Input, readable
from toolkit.metrics.signal.recording_quality import RecordingQuality, recording_quality
from toolkit.metrics.verification.vectors import unit
from toolkit.systems.inference.verifier_base import LONGEST_SECONDS, VerifierBase
from toolkit.systems.signals import Recording

GOOD_SECONDS = 3.0  # of speech; with less, scores of one speaker spread widely
GOOD_SNR_DB = 10.0
# Of speech, in each half that is compared. Cosines of short halves are low (GE2E, 40 speakers of LibriSpeech: mean 0.77
# of halves of 1 s, 0.85 of 3 s).
_HALF_SECONDS = 3.0


class Voice(NamedTuple):
    """A recording of a speaker.

    Attributes:
        name: of the recording.
        vector: (D,) embedding at unit length.
        quality: of its first two minutes.
        agreement: cosine of the embeddings of its halves; None where they are too short.
    """

    name: str
    vector: np.ndarray
    quality: RecordingQuality
    agreement: float | None


class Identity(NamedTuple):
    """A speaker, enrolled by one recording or more; ``vector``: (D,) mean of their embeddings, at unit length."""

    name: str
    vector: np.ndarray
    voices: list[Voice]


def read_enrolments(recordings: Sequence[Input], fs: int, channel: int | str | None = None) -> list[Recording]:
    """Recordings at a rate in Hz: of each the first two minutes; ``channel``: of several."""
    with readable(recordings) as inputs:
        firsts = [next(i.blocks_at(fs, LONGEST_SECONDS, channel if i.info().channels > 1 else None)) for i in inputs]
        return [Recording(first, fs, f"{i.name}: the enrolment") for i, first in zip(inputs, firsts, strict=True)]


def warn_of_quality(enrolments: Sequence[Recording]) -> None:
    """Warn of enrolments that may be too short, clipped, narrow-band or noisy."""
    qualities = [recording_quality(recording.samples, recording.fs) for recording in enrolments]
    for recording, quality in zip(enrolments, qualities, strict=True):
        for fault in faults_of(quality, recording.fs, 0):
            logging.warning("%s %s", recording.name, fault)
    if (seconds := sum(quality.active_seconds for quality in qualities)) < GOOD_SECONDS:
        logging.warning("the enrolment has %.1f s of speech; %g s or more are good", seconds, GOOD_SECONDS)


def faults_of(quality: RecordingQuality, fs: int, least_seconds: float = GOOD_SECONDS) -> list[str]:
    """What may spoil an enrolment, a short phrase each."""
    noisy = [f"is noisy: SNR about {quality.snr_db:.0f} dB, {GOOD_SNR_DB:g} dB or more is good"]
    return quality.warnings(fs, least_seconds) + (noisy if quality.snr_db < GOOD_SNR_DB else [])


def embed(verifier: VerifierBase, recording: Input, channel) -> Voice:
    """The voice in a recording of any length.

    Raises:
        InputError: it cannot be read, or is unusable.
    """
    first: list[np.ndarray] = []

    def watched() -> Iterator[np.ndarray]:
        for block in recording.blocks_at(verifier.fs, LONGEST_SECONDS, channel):
            if not first:
                first.append(block)
            yield block

    vector = verifier.embed_blocks(watched(), f"{recording.name}: the recording")
    quality = recording_quality(first[0], verifier.fs)
    return Voice(recording.name, vector, quality, _agreement(verifier, first[0], quality))


def _agreement(verifier: VerifierBase, samples: np.ndarray, quality: RecordingQuality) -> float | None:
    """Cosine of the embeddings of the halves; None where a half is short or silent."""
    halves = np.array_split(samples, 2)
    active = [recording_quality(half, verifier.fs).active_seconds for half in halves]
    if min(active) < _HALF_SECONDS or quality.active_seconds < 2 * _HALF_SECONDS:
        return None
    first, second = (verifier.embed_blocks([half]) for half in halves)
    return float(np.dot(first.astype(np.float64), second))


def identity_of(name: str, voices: Sequence[Voice]) -> Identity:
    """An identity from its recordings."""
    vector = voices[0].vector if len(voices) == 1 else unit(np.mean([voice.vector for voice in voices], 0))
    return Identity(name, np.asarray(vector, np.float32), list(voices))


def enrolment_faults(verifier: VerifierBase, identity: Identity) -> list[str]:
    """What may spoil an identity: its recordings, or that they do not agree (LLR below 0); one phrase each."""
    total = sum(voice.quality.active_seconds for voice in identity.voices)
    faults = [] if total >= GOOD_SECONDS else [f"{identity.name}: {total:.1f} s of speech, {GOOD_SECONDS:g} s are good"]
    for voice in identity.voices:
        faults += [f"{voice.name} {fault}" for fault in faults_of(voice.quality, verifier.fs, 0)]
        if voice.agreement is not None and _differ(verifier, voice.agreement):
            faults.append(f"{voice.name}: its halves do not sound like one speaker (cosine {voice.agreement:.2f})")
        others = [other for other in identity.voices if other is not voice]
        if others:
            cosine = verifier.score(voice.vector, identity_of("", others).vector).cosine
            if _differ(verifier, cosine):
                faults.append(f"{voice.name} does not sound like the rest of {identity.name} (cosine {cosine:.2f})")
    return faults


def _differ(verifier: VerifierBase, cosine: float) -> bool:
    """Does a cosine speak for two speakers? Without calibration no threshold is known."""
    return verifier.calibration is not None and float(verifier.calibration(np.array(cosine))) < 0
