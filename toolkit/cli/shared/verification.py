"""The work of `voxsift verify`: identities, scores of each test recording, decisions at a prior."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from toolkit.cli.shared.enrolments import Identity, Voice, embed, enrolment_faults, identity_of
from toolkit.cli.shared.failures import Failures
from toolkit.cli.shared.inputs import Input, inputs_of, readable, speakers_of
from toolkit.cli.shared.outputs import json_text
from toolkit.cli.shared.systems import load_system, with_calibration
from toolkit.io.errors import InputError
from toolkit.io.progress import progress
from toolkit.metrics.verification.calibration import bayes_threshold, posterior
from toolkit.systems.inference.verifier_base import VerifierBase


class Decision(NamedTuple):
    """A test recording against an identity; without calibration only the cosine is known."""

    enrolled: str
    test: str
    cosine: float
    llr: float | None
    probability: float | None
    same_speaker: bool | None


def decide(verifier: VerifierBase, identity: Identity, test: Voice, prior: float) -> Decision:
    """Score a test recording, and decide by Bayes' rule at a prior of one speaker."""
    cosine, llr = verifier.score(identity.vector, test.vector)
    if llr is None:
        return Decision(identity.name, test.name, cosine, None, None, None)
    accept = llr >= bayes_threshold(prior)
    return Decision(identity.name, test.name, cosine, llr, posterior(llr, prior), accept)


def verify(args) -> None:
    """Verify by the options of ``voxsift verify``, and print the results."""
    enrolled, tests = _named_inputs(args)
    verifier = load_system("sv", args)
    if args.calibration:
        with_calibration(verifier, args.calibration)
    if verifier.calibration is None:
        logging.warning(
            "no calibration, so only cosines, no decision; run 'voxsift calibrate' and give its file to --calibration"
        )
    total = sum(map(len, enrolled.values())) + len(tests)
    with _readable(enrolled, tests) as (enrolled, tests), progress(total, "verify", "recordings") as bar:
        failures = Failures([recording for of in enrolled.values() for recording in of])
        voices_of = {name: _voices(verifier, of, args.channel, bar, failures) for name, of in enrolled.items()}
        failures.check()  # every score needs its whole identity
        identities = [identity_of(name, voices) for name, voices in voices_of.items()]
        faults = {identity.name: enrolment_faults(verifier, identity) for identity in identities}
        _gate(faults, args.strict)
        failures = Failures(tests)
        voices = _voices(verifier, tests, args.channel, bar, failures)
    for voice in voices:
        for fault in voice.quality.warnings(verifier.fs):
            logging.warning("%s %s", voice.name, fault)
        for identity in identities:
            if any(np.array_equal(voice.vector, enrolled.vector) for enrolled in identity.voices):
                logging.warning(
                    "%s is also an enrolment of %s: its score is not a verification", voice.name, identity.name
                )
    decisions = [_ranked([decide(verifier, i, voice, args.prior) for i in identities]) for voice in voices]
    if args.json:
        content = _content(verifier, args.prior, identities, faults, decisions)
        print(json_text(content | {"errors": failures.messages}))
    else:
        print("".join(f"{line}\n" for line in _lines(decisions, args.prior)), end="")
    failures.check()


def _named_inputs(args) -> tuple[dict[str, list[Input]], list[Input]]:
    """Identity -> its recordings; the test recordings."""
    if args.speakers:
        return speakers_of(args.speakers), inputs_of(args.inputs)
    if args.enroll:
        enrolled: dict[str, list[Input]] = {}
        for words in args.enroll:
            if words[0] in enrolled:
                raise InputError(f"--enroll {words[0]}: begins two enrolments; name the recordings of a speaker once")
            enrolled[words[0]] = inputs_of(words)
        return enrolled, inputs_of(args.inputs)
    first, *tests = [recording for word in args.inputs for recording in inputs_of([word])]
    if not tests:
        raise InputError(f"{first.name}: is one recording; give two, or the enrolled speaker by --enroll")
    return {first.name: [first]}, tests


@contextmanager
def _readable(enrolled: Mapping[str, Sequence[Input]], tests: Sequence[Input]) -> Iterator[tuple]:
    """As :func:`readable`, of both."""
    with readable([*chain(*enrolled.values()), *tests]) as recordings:
        rest = iter(recordings)
        yield {name: list(islice(rest, len(of))) for name, of in enrolled.items()}, list(rest)


def _voices(verifier: VerifierBase, inputs: Sequence[Input], channel, bar, failures: Failures) -> list[Voice]:
    voices = []
    for recording in inputs:
        with failures.of(recording):
            voices.append(embed(verifier, recording, channel))
        bar.update()
    return voices


def _gate(faults: Mapping[str, Sequence[str]], strict: bool) -> None:
    """Warn of faults of enrolments; InputError where --strict is given."""
    every = [fault for of_identity in faults.values() for fault in of_identity]
    if strict and every:
        raise InputError(f"enrolment refused (--strict): {'; '.join(every)}")
    for fault in every:
        logging.warning("enrolment: %s", fault)


def _ranked(decisions: list[Decision]) -> list[Decision]:
    """The best identity first."""
    return sorted(decisions, key=lambda decision: -decision.cosine)


def margin_of(ranked: Sequence[Decision]) -> float | None:
    """How far the best identity is above the second: in LLR, without calibration in cosine; None of one identity."""
    if len(ranked) < 2:
        return None
    first, second = ranked[:2]
    if first.llr is not None and second.llr is not None:
        return first.llr - second.llr
    return first.cosine - second.cosine


def _content(verifier: VerifierBase, prior: float, identities, faults, decisions: Sequence[Sequence[Decision]]) -> dict:
    """For JSON."""
    calibration = verifier.origin.calibration if verifier.calibration else None
    tests = [
        {
            "test": ranked[0].test,
            "best": ranked[0].enrolled,
            "margin": margin_of(ranked),
            "scores": [decision._asdict() for decision in ranked],
        }
        for ranked in decisions
    ]
    return {
        "model": verifier.origin.path,
        "prior": prior,
        "threshold_llr": bayes_threshold(prior),
        "calibration": calibration,
        "enrolments": [
            {
                "name": identity.name,
                "recordings": [
                    voice.quality._asdict() | {"name": voice.name, "agreement": voice.agreement}
                    for voice in identity.voices
                ],
                "warnings": faults[identity.name],
            }
            for identity in identities
        ],
        "tests": tests,
    }


def _lines(decisions: Sequence[Sequence[Decision]], prior: float) -> list[str]:
    """For a person: a line for each score, the best first, and the margin."""
    lines = []
    for ranked in decisions:
        for decision in ranked:
            text = f"{decision.enrolled}  {decision.test}  cosine {decision.cosine:+.3f}"
            if decision.llr is not None:
                verdict = f"(prior {prior:g})  {'same speaker' if decision.same_speaker else 'different speakers'}"
                text += f"  llr {decision.llr:+.2f}  probability {decision.probability:.3f} {verdict}"
            lines.append(text)
        if (margin := margin_of(ranked)) is not None:
            unit = "cosine" if ranked[0].llr is None else "llr"
            lines.append(f"{ranked[0].test}: best {ranked[0].enrolled}, margin {margin:.3f} ({unit})")
    return lines
