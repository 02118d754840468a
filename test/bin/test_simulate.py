"""Plans of mixtures, as recipes make them."""

import pytest
import yaml

from toolkit.bin import simulate_plan
from toolkit.io.command_line import run
from toolkit.io.conditions import read_condition
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import read_plan


def test_a_set_for_every_kind_and_snr(plan, corpus, tmp_path):
    plan("dev", "dev", "--snrs", "[0,5.5]")
    source = DataDir(corpus / "raw/dev")
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        f"dev_{kind}_{snr}" for kind in ("noise", "babble") for snr in ("0", "5.5")
    }
    for kind in ("noise", "babble"):
        made = DataDir(tmp_path / f"data/dev_{kind}_5.5")
        assert made.table("utt2spk") == source.table("utt2spk")
        assert made.table("spk2utt") == source.table("spk2utt")
        assert set(made.table("utt2noise").values()) == {kind}
        assert set(made.table("utt2snr").values()) == {"5.5"}
        assert read_condition(made.path) == {"noise": kind, "snr": 5.5, "test_set": "dev"}
        assert (made.path / "trials").read_bytes() == (source.path / "trials").read_bytes()
        assert [m.id for m in read_plan(made.path / "mix.jsonl")] == source.keys()


def test_a_condition_has_the_same_noises_at_every_level(plan, tmp_path):
    plan("dev", "dev", "--snrs", "[0,20]", "--kinds", "[noise]")
    low, high = (list(read_plan(tmp_path / f"data/dev_noise_{snr}/mix.jsonl")) for snr in (0, 20))
    assert [m.sources for m in low] == [m.sources for m in high]
    assert len({m.sources[1] for m in low}) == len(low)


def test_codecs_are_test_sets_with_the_same_conditions(plan, tmp_path):
    """Apart from their codec the plans are those without one; the coded set has no noise."""
    codecs = {"opus": {"kbps": [12, 24]}, "gsm": {}}
    config = yaml.safe_load((tmp_path / "simulate.yaml").read_text())
    config["planner"] |= {"codecs": codecs, "codec_prob": 0}
    (tmp_path / "simulate.yaml").write_text(yaml.safe_dump(config))
    plan("dev", "dev", "--snrs", "[0,20]", "--kinds", "[noise]", root="plain")
    plan("dev", "dev", "--snrs", "[0,20]", "--kinds", "[noise]", "--codecs", "[opus,gsm]")
    noisy = ["_noise_0", "_noise_20"]
    names = {"dev" + noise for noise in noisy} | {f"dev_{c}{noise}" for c in codecs for noise in ("", *noisy)}
    assert {path.name for path in (tmp_path / "data").iterdir()} == names
    for noise in noisy:
        plain, opus, gsm = (
            list(read_plan(tmp_path / f"{p}{noise}/mix.jsonl")) for p in ("plain/dev", "data/dev_opus", "data/dev_gsm")
        )
        assert (tmp_path / f"plain/dev{noise}/mix.jsonl").read_bytes() == (
            tmp_path / f"data/dev{noise}/mix.jsonl"
        ).read_bytes()
        assert {m.codec for m in plain} == {None}
        assert {m.codec for m in gsm} == {"gsm"}
        assert all(m.codec == "opus" and 12 <= m.kbps <= 24 for m in opus)
        assert [m.sources for m in plain] == [m.sources for m in opus] == [m.sources for m in gsm]
        condition = {"noise": "noise", "snr": int(noise.split("_")[2]), "test_set": "dev_gsm"}
        assert read_condition(tmp_path / f"data/dev_gsm{noise}") == condition
    assert read_condition(tmp_path / "data/dev_opus") == {"noise": "clean", "snr": None, "test_set": "dev_opus"}
    assert {len(m.sources) for m in read_plan(tmp_path / "data/dev_opus/mix.jsonl")} == {1}
    with pytest.raises(InputError, match="--codecs mp3: the config knows gsm, opus"):
        plan("dev", "dev", "--snrs", "[0]", "--codecs", "[mp3]")


def test_the_same_seed_writes_the_same_bytes(plan):
    one, two = (plan("train", "train_sim", "--copies", "2", root=root) for root in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
    other = plan("train", "train_sim", "--copies", "2", "--seed", "4", root="three")
    assert (one / "mix.jsonl").read_bytes() != (other / "mix.jsonl").read_bytes()


def test_copies_have_ids_of_their_own(plan, corpus):
    path = plan("train", "train_sim", "--copies", "3")
    mixtures = list(read_plan(path / "mix.jsonl"))
    assert len({m.id for m in mixtures}) == 3 * len(DataDir(corpus / "raw/train").keys())
    assert all(m.id.startswith(f"{m.sources[0].utt}-m") for m in mixtures)
    assert not (path / "trials").exists()
    assert len({m.sources[1:] for m in mixtures}) == len(mixtures)


SPEEDS = ["--planner.speeds", "[0.9,1.0,1.1]", "--planner.new_speakers", "true"]


@pytest.mark.parametrize(("count", "least", "most"), [(5, 0, 1), (16, 1, 1), (37, 2, 3)])
def test_a_number_of_mixtures(plan, corpus, count, least, most):
    """16 utterances: none twice before all are taken; which, and what they are mixed with, is fixed by the seed."""
    utts = DataDir(corpus / "raw/train").keys()
    assert len(utts) == 16
    path = plan("train", "some", "--num_mixtures", count)
    mixtures = list(read_plan(path / "mix.jsonl"))
    assert len({m.id for m in mixtures}) == len(mixtures) == count
    times = [sum(m.sources[0].utt == utt for m in mixtures) for utt in utts]
    assert (min(times), max(times)) == (least, most)
    assert [m.id for m in mixtures] == sorted(m.id for m in mixtures)
    if most == 1:
        assert {m.id for m in mixtures} <= set(utts)
    assert (plan("train", "some", "--num_mixtures", count, root="again") / "mix.jsonl").read_bytes() == (
        path / "mix.jsonl"
    ).read_bytes()


def test_every_speed_is_a_new_speaker(plan, corpus):
    path = plan("train", "train_sp", *SPEEDS, "--each_speed", "--planner.noise_prob", "0")
    lengths = read_table(corpus / "raw/train/utt2num_samples")
    spoken = {}
    for m in read_plan(path / "mix.jsonl"):
        (source,) = m.sources
        assert m.length == int(int(lengths[source.utt]) / source.speed)
        assert m.speaker == (source.utt[:3] if source.speed == 1 else f"sp{source.speed:g}-{source.utt[:3]}")
        spoken.setdefault(m.speaker, set()).add(source.utt)
    assert len(spoken) == 12
    assert {len(utts) for utts in spoken.values()} == {4}
    assert set(read_table(path / "utt2noise").values()) == {"clean"}


@pytest.mark.parametrize("options", [["--each_speed"], ["--copies", "2"], []])
def test_ids_are_sorted_as_their_speakers(plan, options):
    """Kaldi's rule: utt2spk is in order by utterance and by speaker alike."""
    utt2spk = read_table(plan("train", "train_sp", *SPEEDS, *options) / "utt2spk")
    assert len(set(utt2spk.values())) > 4
    speakers = [utt2spk[utt] for utt in sorted(utt2spk, key=str.encode)]
    assert speakers == sorted(speakers, key=str.encode)


def test_facts_of_what_some_mixtures_lack(plan, rooms):
    path = plan(
        "train", "sim", *("--planner.rooms", f"[{rooms}]", "--planner.room_prob", "0.5", "--planner.noise_prob", "0.5")
    )
    mixtures = {m.id: m for m in read_plan(path / "mix.jsonl")}
    for table, role in (("utt2snr", "snr"), ("utt2room", "room")):
        values = read_table(path / table)
        assert values == {key: m.facts.get(role, {"snr": "inf", "room": "none"}[role]) for key, m in mixtures.items()}
        assert len(set(values.values())) > 1


def test_text_and_gender_follow_the_target(plan, corpus, tmp_path):
    source = DataDir(corpus / "raw/dev")
    for table in ("wav.scp", "utt2spk"):
        write_table(tmp_path / "dev" / table, source.table(table))
    write_table(tmp_path / "dev/text", {key: f"WORDS OF {key}" for key in source.keys()})
    write_table(tmp_path / "dev/spk2gender", {"s04": "f", "s05": "m", "s06": "f"})
    path = plan(tmp_path / "dev", "sim", *SPEEDS, "--each_speed")
    text, gender = read_table(path / "text"), read_table(path / "spk2gender")
    assert all(text[m.id] == f"WORDS OF {m.sources[0].utt}" for m in read_plan(path / "mix.jsonl"))
    assert gender == {
        f"{sp}{spk}": g for sp in ("", "sp0.9-", "sp1.1-") for spk, g in zip(("s04", "s05", "s06"), "fmf", strict=True)
    }


def test_planning_again_leaves_no_facts_of_the_last_plan(plan, rooms):
    first = plan("train", "sim", "--planner.rooms", f"[{rooms}]", "--planner.room_prob", "1")
    assert (first / "utt2room").exists()
    assert not (plan("train", "sim") / "utt2room").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--copies", "0"], "--copies 0: must be a whole number"),
        (["--snrs", "[0]", "--kinds", "[rain]"], "--kinds rain: the config knows babble, noise"),
        (["--num_mixtures", "0"], "--num_mixtures 0: must be a whole number"),
        (["--num_mixtures", "5", "--copies", "2"], "cannot be combined with --copies"),
        (["--num_mixtures", "5", "--snrs", "[0]"], "cannot be combined with --copies, --each_speed or --snrs"),
        (["--planner.room_prob", "0.5"], "rooms and room_prob go together"),
        (["--planner.level", "loud"], "level is 'loud'"),
        (["--planner.snr", "3"], "snr"),
        (["--data", "no/such"], "no/such"),
    ],
)
def test_bad_options_of_planning(plan, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        plan("train", "sim", *options)
    assert not (tmp_path / "data").exists()


def test_a_plan_does_not_overwrite_recordings(plan, corpus):
    before = {path: path.read_bytes() for path in (corpus / "raw/dev").iterdir() if path.is_file()}
    with pytest.raises(InputError, match="raw/dev: holds recordings"):
        plan("dev", "dev", root=corpus / "raw")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("key", ["noises.noise.data", "interferer.data", "rooms"])
def test_a_mistyped_set_of_a_config_is_found_by_its_check(tmp_path, key, capsys):
    names = {"noises.noise.data": "noise_train", "interferer.data": "train", "rooms": "rirs_train"}

    def check(**over):
        value = {name: [over.get(name.split(".")[0], right)] for name, right in names.items()}
        planner = {"noises": {"noise": {"data": value["noises.noise.data"]}}, "rooms": value["rooms"], "room_prob": 0.5}
        planner["interferer"] = {"data": value["interferer.data"]}
        (tmp_path / "a.yaml").write_text(yaml.safe_dump({"planner": planner}))
        words = ["--config", f"{tmp_path}/a.yaml", "--data", "raw/train", "--name", "x", "--check"]
        return run(simulate_plan.main, [*words, "--known_sets", f"[{','.join(names.values())}]"])

    assert check() == 0
    assert check(**{key.split(".")[0]: names[key] + "x"}) == 1
    message = capsys.readouterr().err
    assert all(part in message for part in ("a.yaml", f"planner.{key}", f"{names[key]}x", f"{names[key]}?"))
