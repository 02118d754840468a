"""A small folder of everything that programs and readers read."""

import contextlib
import json
import signal

import numpy as np
import soundfile
import yaml
from helpers.plain_tse import TINY_SEFPNET

from test.conftest import FS, add_trials, format_sets, voice, write_noise, write_speech
from toolkit.bin import (
    calibrate_scores,
    embed_utterances,
    score_audio,
    score_text,
    score_trials,
    simulate_plan,
    simulate_render,
    summarise_audio,
)
from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.enrolment import draw_models, write_enroll2utt
from toolkit.io.interchange.lhotse_manifests import write_manifests
from toolkit.io.interchange.versa_lists import write_versa
from toolkit.io.interchange.webdataset_shards import write_shards
from toolkit.io.jobs import merge
from toolkit.io.rttm import Turn, write_rttm
from toolkit.io.variants import declare_variant
from toolkit.report.listening import Column, Row, write_listening


@contextlib.contextmanager
def within(seconds: int):
    """Nothing here lasts longer."""

    def stop(*_):
        raise AssertionError(f"lasts longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def build(root) -> None:
    """Write the folder; the current one must be ``root``, of which all paths are relative."""
    write_speech(root / "data/test", 3, 3, 0.3)
    write_noise(root / "data/noise", 2, 0.4)
    for speaker in range(6):  # as people keep theirs
        for utt in "ab":
            path = root / f"speech/talker{speaker}/{utt}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, voice(speaker, ord(utt), 0.05), FS)
    for path in root.glob("data/*/wav.scp"):
        write_table(path, {key: value.replace(f"{root}/", "") for key, value in read_table(path).items()})
    write_table(root / "data/test/spk2gender", {"s00": "f", "s01": "m", "s02": "f"})
    format_sets(root.relative_to(root), "test", "noise")
    _plan(root)
    _systems(root)
    _scores(root)
    _corpus(root)
    with ArkWriter("feats.ark") as ark:
        ark.write("a", np.ones((3, 2)))
        ark.write("b", np.ones((4, 2)))
    write_table("feats.scp", ark.scp)
    row = Row("a", {"set": "mix"}, {"si_sdr": 1.0}, [Column("mixture", np.ones(9) / 2, np.ones((4, 5)))])
    write_listening(root / "listening", [row], FS, np.arange(1, 5) * 1000.0, 0.01, "note")
    write_manifests("raw/test", root / "interchange/lhotse")
    write_shards("raw/test", root / "interchange/webdataset")
    write_versa("raw/test", root / "interchange/versa")
    declare_variant(root, ["variant"], "observation", 0.5)


def main(program, *words) -> None:
    program.main([str(word) for word in words])


def job(root, name, *, inside, out) -> list:
    (root / f"work.{name}").write_text("".join(f"{name} {key}\n" for key in DataDir(f"{inside}/{name}").keys()))
    return ["--in_root", inside, "--out_root", out, "--work", f"work.{name}", "--job", 1]


def _plan(root) -> None:
    noises = {"noise": {"data": ["noise"], "snr": [0, 10]}, "babble": {"data": ["test"], "talkers": [1, 1]}}
    planner = {"noises": noises, "interferer": {"data": ["test"]}}
    (root / "simulate.yaml").write_text(yaml.safe_dump({"planner": planner, "seed": 3}))
    words = ["--config", "simulate.yaml", "--data", "raw/test", "--name", "mix", "--out_root", "sim"]
    main(simulate_plan, *words, "--enroll", "fixed")
    streams = ["wav", "spk1", "spk2", "enroll_spk1"]
    main(simulate_render, *job(root, "mix", inside="sim", out="raw"), "--streams", *streams)
    merge("sim", "raw", "mix", 1, streams)


def _systems(root) -> None:
    import torch

    from toolkit.models.se.conv_tasnet import ConvTasNet
    from toolkit.models.tse.sef_pnet import SEFPNet

    (root / "exp/sv").mkdir(parents=True)
    sv = {"model": {"class_path": "toolkit.models.sv.mean_fbank.MeanFbank"}, "normalize": "none"}
    data = {"class_path": "toolkit.data.datasets.MixtureDataset"}
    batches = {
        "class_path": "toolkit.data.batches.CropBatches",
        "init_args": {"batch_size": 2, "crop_seconds": [0.1, 0.2]},
    }
    trainer = {"epochs": 1, "workers": 0, "threads": 1}
    (root / "exp/sv/config.yaml").write_text(yaml.safe_dump(sv))
    (root / "sv.yaml").write_text(yaml.safe_dump({**sv, "data": data, "batches": batches, "trainer": trainer}))
    sizes = {"filters": 8, "filter_samples": 32, "bottleneck": 4, "hidden": 4, "blocks": 2, "repeats": 1}
    for task, cls, arguments in (("se", ConvTasNet, sizes), ("tse", SEFPNet, {**TINY_SEFPNET, "fs": FS})):
        (root / f"exp/{task}").mkdir()
        model = {"class_path": f"{cls.__module__}.{cls.__name__}", "init_args": arguments}
        (root / f"exp/{task}/config.yaml").write_text(yaml.safe_dump({"model": model}))
        torch.save(cls(**arguments).state_dict(), root / f"exp/{task}/valid.loss.ave.pth")
        (root / f"{task}.yaml").write_text(yaml.safe_dump({"model": model, "batches": batches, "trainer": trainer}))


def _scores(root) -> None:
    add_trials(root / "raw/test")
    write_enroll2utt(root / "enroll2utt", draw_models(read_table("raw/test/utt2spk"), 2))
    write_rttm(root / "rttm", {"a": [Turn(0.5, 1.0, "s00"), Turn(2.0, 0.25, "s01")], "b": []})
    main(embed_utterances, *job(root, "test", inside="raw", out="emb"), "--model", "exp/sv")
    merge("raw", "emb", "test", 1, ["embedding"])
    words = ["--trials", "raw/test/trials", "--embeddings", "emb/test/embedding.scp", "--utt2spk", "raw/test/utt2spk"]
    main(
        score_trials,
        *words,
        "--output",
        "exp/sv/scores/test",
        "--resamples",
        20,
        "--breakdown",
        "gender",
        "--data_dir",
        "raw/test",
    )
    words = ["--scores", "exp/sv/scores/test/scores.txt", "--trials", "raw/test/trials"]
    main(calibrate_scores, *words, "--output", "calibration.json")
    for task in ("se", "tse"):
        words = [*job(root, "mix", inside="raw", out=f"exp/{task}/metrics"), "--ref_root", "raw", "--input", "wav"]
        main(score_audio, *words, "--estimate", "spk1", "--interferer", "spk2")
        merge("raw", f"exp/{task}/metrics", "mix", 1, ["wav"])
        words = ["--in_root", f"exp/{task}/metrics", "--out_root", f"exp/{task}/scores", "--sets", "mix"]
        main(summarise_audio, *words, "--data_root", "raw", "--resamples", 20, "--breakdown", "gender")
    for table in ("utt2spk", "text"):
        texts = {utt: utt[:3] for utt in read_table("raw/test/utt2spk")}
        write_table(root / "exp/asr/transcripts/test" / table, texts)
    for table, value in (("utt2spk", "{}"), ("utt2intent", "what=on where={}")):
        orders = {utt: value.format(utt[:3]) for utt in read_table("raw/test/utt2spk")}
        write_table(root / "exp/ic/intents/test" / table, orders)
    for table, units in (("utt2spk", ""), ("utt2units", " 1 2 3"), ("utt2predicted", " - 2 1")):
        rows = {utt: units.strip() or utt[:3] for utt in read_table("raw/test/utt2spk")}
        write_table(root / "exp/ssl/predictions/test" / table, rows)
    words = ["--in_root", "exp/asr/transcripts", "--ref_root", "exp/asr/transcripts", "--out_root", "exp/asr/scores"]
    main(score_text, *words, "--sets", "test", "--resamples", 20)
    for expdir in ("exp/sv", "exp/se"):
        (root / expdir / "train_info.json").write_text(json.dumps({"seed": 1, "epochs": 2, "wall_seconds": 3.5}))
        log = [{"kind": kind, "epoch": 1, "step": 4, "loss": 0.5, "eer": 3.0} for kind in ("train", "valid")]
        (root / expdir / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in log))


def _corpus(root) -> None:
    from dataclasses import asdict

    from toolkit.simulate.minicorpus.corpus import Settings

    for sort, columns in (("speech", "path split speaker gender text seconds"), ("noise", "path split kind seconds"),
                          ("music", "path split seconds"), ("rooms/train", "path room rt60")):  # fmt: skip
        row = {"path": "a/b.flac", "split": "train", "seconds": "1.5", "gender": "f", "rt60": "0.3"}
        names = columns.split()
        (root / "mini" / sort).mkdir(parents=True)
        lines = ["\t".join(names), "\t".join(row.get(name, "x") for name in names)]
        (root / "mini" / sort / "metadata.tsv").write_text("\n".join(lines) + "\n")
    (root / "mini/corpus.json").write_text("{}")
    (root / "mini/.settings.json").write_text(json.dumps(asdict(Settings())))
