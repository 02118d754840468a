"""Experiments of recognition and intent classification that are not trained."""

from pathlib import Path

import torch
import yaml

from toolkit.data.text_units import TextUnits, train_units
from toolkit.systems.intent_recognizer import IntentRecognizer
from toolkit.systems.recognizer import Recognizer
from toolkit.train.checkpoint import save

FBANK = {"class_path": "KaldiFbank", "init_args": {"n_mels": 20}}
SIZES = {"n_mels": 20, "dim": 16, "heads": 2, "hidden": 16, "blocks": 1, "kernel_size": 3, "decoder_hidden": 16}


def tiny_recogniser(folder: Path, **frontend) -> Path:
    """A conformer of the letters; ``frontend``: arguments of its front end."""
    torch.manual_seed(3)
    units = TextUnits(train_units(["THE QUICK BROWN FOX JUMPS OVER A LAZY DOG"]))
    front = {**FBANK, "init_args": {**FBANK["init_args"], **frontend}}
    model = {"class_path": "Conformer", "init_args": {"num_units": len(units), **SIZES}}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"task": "asr", "frontend": front, "model": model}))
    network = Recognizer.build(folder / "config.yaml")
    network.take_units(units)
    save(folder / "valid.cer.ave.pth", network.state_dict())
    return folder


def tiny_classifier(folder: Path, slots: dict[str, list[str]]) -> Path:
    """A classifier of these slots."""
    torch.manual_seed(5)
    model = {"class_path": "MeanPoolIntent", "init_args": {"slots": slots, "n_mels": 20, "projection": 8}}
    config = {"task": "ic", "frontend": FBANK, "model": model, "normalize": "none"}
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    save(folder / "valid.accuracy.ave.pth", IntentRecognizer.build(folder / "config.yaml").state_dict())
    return folder
