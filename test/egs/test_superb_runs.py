"""run.sh of SUPERB's probes: one clear line for a model that cannot be had, options that reach the recipe."""

import pytest

DIMS = {"hubert_base": 768, "hubert_large": 1024}
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "TORCH_HOME": "/nonexistent"}


@pytest.fixture(scope="module")
def probes(tree):
    """The three recipes."""
    root = tree.copy("superb/ic").parent  # with the others
    return {task: tree.use_python(root / task) for task in ("asr", "asv", "ic")}


@pytest.mark.parametrize("task", ["asr", "asv", "ic"])
@pytest.mark.parametrize(("words", "named"), [(["--ssl", "nosuch"], "nosuch"), ([], "wavlm_base_plus")])
def test_a_model_that_cannot_be_had_is_one_line(probes, tree, task, words, named):
    done = tree.run(probes[task], "./run.sh", *words, **OFFLINE)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert named in line
    assert not (probes[task] / "data").exists()


@pytest.mark.parametrize(("task", "ssl"), [("asr", "hubert_large"), ("asv", "hubert_base"), ("ic", "hubert_large")])
def test_the_model_and_its_size_reach_the_training(probes, tree, task, ssl):
    folder, kind = probes[task], "sv" if task == "asv" else task
    (folder / "exp").mkdir(exist_ok=True)
    (folder / f"exp/.ssl_{ssl}").write_text(f"{DIMS[ssl]}\n")  # as after a download
    done = tree.run(folder, "./run.sh", "--ssl", ssl, "--noise_robust", "true", "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert f"training -> exp/{kind}_probe_{ssl}_noise_robust" in done.stdout
    called = done.stdout.replace("\\", "")
    assert f"ssl.init_args.name {ssl} " in called
    assert f"n_mels {DIMS[ssl]}" in called
    assert "conf/probe_wavlm_base_plus_noise_robust.yaml" in called


def test_help_has_the_options_of_probes_and_of_the_recipe(probes, tree):
    text = tree.run(probes["ic"], "./run.sh", "--help").stdout
    assert "--ssl " in text
    assert "--ic_config" in text


def test_a_corpus_that_is_unknown_is_named(probes, tree):
    done = tree.run(probes["asv"], "./run.sh", "--corpus", "nosuch")
    assert done.returncode == 1
    assert "nosuch" in done.stderr
