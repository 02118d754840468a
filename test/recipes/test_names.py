"""Names of sets and folders that follow from options; how the shell gets them."""

import pytest

from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.recipes import Asr, Ee, Ic, Se, Ssl, Sv, Tse
from toolkit.recipes.names import name_of, tag_of

SETS = {"train_set": "train", "valid_sets": ["dev"], "test_sets": ["test", "libri"]}
NOISY = {"test_noises": ["babble"], "ood_noises": ["rain"], "snrs": ["0", "-5"]}
GRID = "test_babble_0 test_babble_-5 test_rain_0 test_rain_-5 libri_babble_0 libri_babble_-5 libri_rain_0 libri_rain_-5"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty recipe."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_systems_are_named_by_folder_or_file():
    names = [name_of(path) for path in ("../sv/exp/sv_x", "exp/sv_x/", "exp/sv_x/packed.zip", "my/model.zip")]
    assert names == ["sv_x", "sv_x", "sv_x", "model"]
    assert tag_of("--trainer.epochs 3 --x  [1,2]") == "_trainer_epochs_3_x_1_2_"
    assert tag_of("") == ""


def test_sets_of_verification():
    recipe = Sv(**SETS, **NOISY, simulate_valid_config="v.yaml", simulate_train_config="t.yaml")
    assert recipe.train_sim == "train_sim"
    assert recipe.all_valid == ["dev", "dev_sim"]
    assert recipe.all_tests == ["test", "libri", *GRID.split()]
    assert recipe.rendered == ["train_sim", "dev_sim", *GRID.split()]
    assert recipe.noisiest == ["test_babble_-5", "test_rain_-5", "libri_babble_-5", "libri_rain_-5"]
    recipe.train_streams = ["wav", "spk1"]
    assert recipe.rendered == ["dev_sim", *GRID.split()]
    coded = Sv(**SETS | {"test_sets": ["test"]}, **NOISY | {"ood_noises": [], "snrs": ["5"]}, test_codecs=["gsm"])
    assert coded.all_tests == ["test", "test_babble_5", "test_gsm", "test_gsm_babble_5"]
    assert Sv(**SETS).train_sim == "train"
    assert Sv(**SETS, speed_perturb_factors=["0.9"]).train_sim == "train_sim"


@pytest.mark.parametrize(
    ("options", "tag"),
    [
        ({}, ""),
        ({"scoring": "mean_cosine"}, "_mean_cosine"),
        ({"scoring": "mean_cosine", "num_segments": 3, "segment_seconds": "1"}, "_mean_cosine_3x1"),
        ({"score_norm": "as_norm"}, "_as_norm"),
        ({"score_norm": "as_norm", "top_n": 5, "cohort_utts": 2}, "_as_norm_top5_train2"),
        ({"score_norm": "z_norm", "top_n": 5, "cohort_set": "dev"}, "_z_norm_dev10"),
        ({"score_tag": "mine", "score_norm": "z_norm"}, "_mine"),
        ({"se_exp": "../se/exp/se_a/", "ee_exp": "ee_b/packed.zip"}, "_se_a_ee_b"),
    ],
)
def test_scores_of_another_kind_have_another_name(options, tag):
    assert Sv(**SETS, **options).scores_tag == tag


def test_folders_of_verification():
    recipe = Sv(**SETS, sv_args="--trainer.epochs 3", feats_type="fbank", score_norm="as_norm", se_exp="x/se_a")
    assert recipe.exp == "exp/sv_train_ecapa_fbank_trainer_epochs_3"
    assert recipe.systems == [recipe.exp, "exp/mean_fbank"]
    assert (recipe.audio_root, recipe.feats_root) == ("dump/se_a", "dump/fbank")
    assert recipe.valid_dirs == ["dump/raw/dev"]
    assert recipe.embedded == ["test", "libri", "train_cohort10"]  # calibration sets follow when options are checked
    assert recipe.stats == "exp/sv_stats_fbank/train"
    recipe = Sv(**SETS, se_exp="x/se_a", train_enhanced=True, scoring="mean_cosine")
    assert (recipe.feats_root, recipe.valid_dirs) == ("dump/se_a", ["dump/se_a/dev"])
    assert (recipe.embeddings, recipe.vectors) == ("embeddings_segments_se_a", "embeddings_segments_se_a")


def test_sets_of_mixtures():
    recipe = Se(**SETS, **NOISY, simulate_grid_config="g.yaml", simulate_test_configs=["conf/simulate_2talker.yaml"])
    assert recipe.all_tests[:5] == ["test_2talker", *GRID.split()[:4]]
    assert recipe.all_tests[5:] == ["libri_2talker", *GRID.split()[4:]]
    assert Se(**SETS, planned_test_sets=["p"]).all_tests == ["test", "libri", "p"]
    assert Se(**SETS, simulate_valid_config="v").all_valid == ["dev_sim"]


def test_mixtures_of_local_data_are_rendered_and_recordings_are_not(folder):
    for name, table in (("train", "mix.jsonl"), ("dev", "wav.scp"), ("test", "mix.jsonl"), ("libri", "wav.scp")):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / table).touch()
    recipe = Se(**SETS, planned_test_sets=["p"], simulate_valid_config="v")
    assert recipe.rendered == ["test", "p", "dev_sim"]
    assert recipe.train_rendered == "train"
    (folder / "data/train/wav.scp").touch()
    assert recipe.train_rendered == ""


def test_fine_tuning_is_named_by_what_it_starts_from():
    recipe = Se(**SETS, se_config="conf/finetune_x.yaml", init_from="exp/se_one", se_args="--trainer.epochs 3")
    assert recipe.exp == "exp/se_finetune_x_from_one_trainer_epochs_3"
    assert recipe.train_args == "--trainer.epochs 3 --init_from exp/se_one/valid.loss.ave.pth"
    recipe.se_tag = "y"
    assert recipe.exp == "exp/se_y"


@pytest.mark.parametrize(("fs", "band"), [(16000, "wb"), (8000, "nb")])
def test_pesq_is_of_the_band_that_there_is(fs, band):
    recipe = Se(**SETS, fs=fs)
    recipe.check()
    assert recipe.metrics == ["si_sdr", "sdr", f"pesq_{band}", "stoi", "estoi"]


def test_embeddings_belong_to_the_arguments_of_training_but_not_to_the_name():
    recipe = Tse(**SETS, sv_exp="../sv/exp/sv_x", tse_config="conf/c.yaml")
    assert (recipe.exp, recipe.train_args, recipe.embedded) == ("exp/tse_c", "", "")
    recipe.reads_embeddings = True
    assert (recipe.exp, recipe.embedded) == ("exp/tse_c", "dump/embed/sv_x")
    assert recipe.train_args.endswith("speaker_encoder.init_args.system ../sv/exp/sv_x")


def test_noisy_enrolments_are_of_the_sets_that_mixtures_enrol_from(folder):
    planned = folder / "data/test"
    planned.mkdir(parents=True)
    (planned / "mix.jsonl").touch()
    (planned / "mix_conf.yaml").write_text("data: [d]\nrooms: []\nfs: 8\nenrolments: [dump/raw/e, dump/raw/libri]\n")
    noise = {"simulate_enroll_config": "conf/simulate_rain.yaml"}
    assert Tse(**SETS, **noise).noisy_enrolments == ["libri_rain", "e_rain"]
    assert Tse(**SETS, **noise, enroll_from="own").noisy_enrolments == ["own_rain"]
    assert Tse(**SETS).noisy_enrolments == []
    with pytest.raises(InputError, match="name the set of the enrolments by --enroll_from"):
        _ = Tse(train_set="t", test_sets=["test"], valid_sets=["v"], enroll_from=" ", **noise).noisy_enrolments


def test_real_recordings_are_scored_by_the_tables_that_they_have(folder):
    (folder / "data/a").mkdir(parents=True)
    (folder / "data/a/rttm").touch()
    recipe = Tse(**SETS, real_sets=["a", "b"], fs=16000)
    dnsmos = "dnsmos_sig dnsmos_bak dnsmos_ovrl"
    assert recipe.real_groups.split("\n") == [f"{dnsmos}|b", f"timing_f1 timing_precision timing_recall {dnsmos}|a"]
    assert recipe.verifier == "exp/ge2e"
    recipe.real_metrics = ["timing_f1"]
    assert (recipe.real_groups.split("\n"), recipe.verifier) == (["|b", "timing_f1|a"], "")


def test_absent_speakers_take_more_speakers_than_talkers(folder):
    for name, speakers in (("one", 2), ("two", 3)):
        write_table(folder / "dump/raw" / name / "utt2spk", {f"{s}-{u}": s for s in range(speakers) for u in range(2)})
        for stream in ("wav", "spk1", "spk2", "noise1"):
            (folder / "dump/raw" / name / f"{stream}.scp").touch()
    recipe = Tse(train_set="t", valid_sets=["v"], test_sets=["two"], stage="7", stop_stage="7")
    recipe.check_dump()
    assert (recipe.absent, recipe.messages) == (True, [])
    recipe.test_sets = ["one", "two"]
    recipe.check_dump()
    assert not recipe.absent
    assert "one has 2 speakers" in recipe.messages[0]


def test_folders_of_embedding_enhancement():
    recipe = Ee(**SETS, extractor_config="conf/ge2e.yaml", ee_config="conf/train_seed_ge2e.yaml")
    assert (recipe.exp, recipe.system, recipe.raw_exp) == ("exp/ee_train_seed_ge2e", "exp/ge2e", "exp/ge2e")
    recipe = Ee(
        **SETS, sv_exp="x/sv_a", ee_config="conf/c.yaml", sampling_draws=3, scoring="mean_cosine", se_exp="se_b"
    )
    assert (recipe.exp, recipe.system) == ("exp/ee_c_sv_a", "x/sv_a")
    assert (recipe.embedded, recipe.pairs) == ("dump/embed/sv_a_segments", "dump/pairs/sv_a")
    assert (recipe.embeddings, recipe.scores_tag) == ("embeddings_segments_seed0x3", "_mean_cosine_seed0x3")
    assert (recipe.segments_tag, recipe.cascade) == ("_mean_cosine", "se_b")


def test_calibration_sets_of_embedding_enhancement():
    """Their noisy copies are made and used in their place."""
    assert Ee(**SETS, calibration_set=["d"]).calibrated == ["d"]
    recipe = Ee(**SETS, calibration_set=["d", "e"], simulate_calibration_config="conf/n.yaml", extractor_config="x")
    assert recipe.calibrated == recipe.rendered == ["d_sim", "e_sim"]
    recipe.calibration_set = []
    with pytest.raises(InputError, match="--simulate_calibration_config conf/n.yaml: needs --calibration_set"):
        recipe.check()


def test_names_of_recognition(folder):
    recipe = Asr(**SETS, **NOISY, simulate_grid_config="conf/g.yaml", nbpe=40, asr_args="--trainer.epochs 3")
    assert recipe.all_tests == ["test", "libri", *GRID.split()]  # without noise, too
    assert recipe.rendered == GRID.split()
    assert recipe.exp == "exp/asr_train_conformer_bpe40_trainer_epochs_3"
    assert (recipe.units, recipe.unit_size) == ("exp/asr_units/train_bpe40", "40")
    units = "--units exp/asr_units/train_bpe40/units.model --model.init_args.num_units"
    assert recipe.train_args == f"--trainer.epochs 3 {units} 40"
    assert (recipe.labels, recipe.scores) == (f"{recipe.exp}/transcripts", f"{recipe.exp}/scores")
    recipe = Asr(**SETS, token_type="char", asr_tag="a", inference_tag="beam2")
    assert (recipe.exp, recipe.scores) == ("exp/asr_a", "exp/asr_a/scores_beam2")
    assert recipe.train_args == "--units exp/asr_units/train_char/units.model"
    (folder / recipe.units).mkdir(parents=True)
    (folder / recipe.units / "units.vocab").write_text("<unk>\n\u2581\na\n")
    assert recipe.train_args.endswith(" --model.init_args.num_units 3")


def test_names_of_intents(folder):
    recipe = Ic(**SETS, **NOISY, simulate_grid_config="conf/g.yaml", ic_args="--trainer.epochs 3")
    assert recipe.all_tests == ["test", "libri", *GRID.split()]
    assert recipe.exp == "exp/ic_train_tdnn_trainer_epochs_3"
    assert (recipe.labels, recipe.scores) == (f"{recipe.exp}/intents", f"{recipe.exp}/scores")
    assert recipe.train_args == "--trainer.epochs 3"
    for name, text in {
        SETS["train_set"]: "what=on where=b",
        **dict.fromkeys(SETS["valid_sets"], "where=a what=off"),
    }.items():
        write_table(folder / f"data/{name}/utt2intent", {"a-1": text})
    slots = '{"what":["off","on"],"where":["a","b"]}'
    assert recipe.train_args == f"--trainer.epochs 3 --model.init_args.slots {slots}"


def test_names_of_self_supervised_learning():
    recipe = Ssl(**SETS, **NOISY, simulate_grid_config="conf/g.yaml", clusters=40, ssl_args="--trainer.epochs 3")
    assert recipe.all_tests == ["test", "libri", *GRID.split()]  # without noise, too
    assert recipe.units == "exp/ssl_units/train_mfcc_40/units.safetensors"
    assert recipe.exp == "exp/ssl_train_wavlm_mfcc_40_trainer_epochs_3"
    assert recipe.train_args == f"--trainer.epochs 3 --units {recipe.units} --model.init_args.num_clusters 40"
    recipe = Ssl(**SETS, targets_from="exp/ssl_a/packed.zip", targets_layer=2, ssl_config="conf/train_hubert.yaml")
    assert recipe.units == "exp/ssl_units/train_ssl_a_layer2_100/units.safetensors"
    assert recipe.exp == "exp/ssl_train_hubert_ssl_a_layer2_100"
    words = ["--system", "exp/ssl_a/packed.zip", "--layer", "2"]
    assert recipe.unit_args == ["--clusters", "100", "--most_frames", "200000", *words]
    assert recipe.scores == f"{recipe.exp}/scores"
    assert Ssl(**SETS, ssl_tag="b").exp == "exp/ssl_b"


def test_transcripts_are_checked_where_a_set_is_recordings(folder):
    recipe = Asr(train_set="t", valid_sets=["v"], test_sets=["planned"], stop_stage="2")
    write_table(folder / "data/t/text", {"a-1": "A WORD", "a-2": "B"})
    (folder / "data/planned").mkdir()
    (folder / "data/planned/mix.jsonl").touch()
    with pytest.raises(InputError, match="data/v/text: file not found"):
        recipe.check_data()
    write_table(folder / "data/v/text", {"a-1": "C", **{f"a-{n}": "" for n in range(2, 9)}})
    with pytest.raises(InputError, match="data/v/text: 7 utterances without words: a-2 a-3 a-4 a-5 a-6;"):
        recipe.check_data()
    write_table(folder / "data/v/text", {"a-1": "C"})
    recipe.check_data()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"test_sets": []}, "--test_sets are needed"),
        ({"resamples": 2_000_000}, "must be 1000000 at most"),
        ({"results": "nowhere/RESULTS.md"}, "folder nowhere not found"),
        ({"score_norm": "as_norm", "scoring": "neg_euclidean"}, "cannot be used with --scoring neg_euclidean"),
        ({"top_n": 5}, "none is given"),
        ({"top_n": 1, "score_norm": "as_norm"}, "must be 2 at least"),
        ({"duration_edges": ["4", "2"], "breakdown": ["duration"]}, "must be in rising order"),
        ({"duration_edges": ["2"]}, "needs --breakdown duration"),
        ({"breakdown": ["age"]}, "--breakdown age: must be gender, duration, or a table"),
        ({"train_streams": ["spk1"]}, "wav must be among them"),
        ({"train_streams": ["wav", "spk1"]}, "needs --simulate_train_config"),
        ({"train_enhanced": True}, "needs --se_exp"),
        ({"test_codecs": ["gsm"]}, "--test_codecs gsm: needs --test_noises and --snrs"),
        ({"calibration_set": ["devv"]}, "set devv not found in dump/raw"),
        ({"num_segments": 20_000}, "must be 10000 at most"),
    ],
)
def test_options_that_do_not_go_together(options, fault):
    with pytest.raises(InputError, match=fault):
        Sv(**{**SETS, **options}).check()


def test_tables_of_a_breakdown_are_looked_for_where_there_are_sets(folder):
    recipe = Sv(**SETS, breakdown=["gender", "utt2age"], stage="2")
    recipe.check_data()
    write_table(folder / "data/test/spk2gender", {"a": "f"})
    with pytest.raises(InputError, match="data/test/utt2age: table not found"):
        recipe.check_data()
    write_table(folder / "data/test/utt2age", {"a-1": "30"})
    recipe.check_data()
