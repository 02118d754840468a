"""Prediction of the units of masked frames by a trained system."""

from toolkit.io.errors import InputError
from toolkit.models.ssl.speech_units import SpeechUnits
from toolkit.systems.ssl_encoder import SSLEncoder
from toolkit.tasks.representation.held_out_speech import REFERENCE, HeldOutSpeech
from toolkit.tasks.representation.unit_scoring import UNMASKED


def predict(
    encoder: SSLEncoder, units: SpeechUnits, speech: HeldOutSpeech, bar=None
) -> tuple[dict[str, str], dict[str, str]]:
    """Units of the clean speech of each utterance, and predicted units of its masked frames; ``-`` for other frames.

    Raises:
        InputError: the units have another number, rate or frame shift than the system.
    """
    network, targets, predicted = encoder.network, {}, {}
    if (units.num_units, units.fs) != (network.num_clusters, encoder.fs):
        raise InputError(
            f"--units: {units.num_units} units at {units.fs} Hz; the system predicts {network.num_clusters} at "
            f"{encoder.fs} Hz; give the file that it was trained on"
        )
    for batch in speech.batches(network, encoder.device):
        with encoder.inferring():
            outputs = network.training_outputs(batch)
            labels, _ = units(batch[REFERENCE], batch["lengths"])
        mask, valid = outputs["mask"], outputs["valid"]
        if labels.shape != mask.shape:
            raise InputError("--units: have another frame shift than the system; give the file that it was trained on")
        rows = zip(batch["ids"], labels, outputs["logits"].argmax(2), mask, valid.sum(1).tolist(), strict=True)
        for key, row, guesses, masked, count in rows:
            targets[key] = " ".join(map(str, row[:count].tolist()))
            shown = zip(guesses[:count].tolist(), masked[:count].tolist(), strict=True)
            predicted[key] = " ".join(str(guess) if is_masked else UNMASKED for guess, is_masked in shown)
        if bar is not None:
            bar.update(len(batch["ids"]))
    return targets, predicted
