"""Every command of the page of voxsift runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import soundfile
import yaml

from test.conftest import FS, voice
from test.helpers.tiny_verifier import verifier
from toolkit.systems.base import System
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.train.checkpoint import save

ROOT = Path(__file__).parents[2]


SIZES = {"window": 64, "hop": 32, "low_bins": 9, "erb_bands": 8, "channels": 8}


def write_system(folder: Path, kind: type[System], network: str, **arguments) -> None:
    """An experiment with a tiny network, which is not trained."""
    folder.mkdir()
    model = {"class_path": network, "init_args": SIZES | arguments}
    (folder / "config.yaml").write_text(yaml.safe_dump({"task": kind.task, "model": model}))
    (folder / "train_info.json").write_text('{"scale_invariant_loss": false}')
    save(folder / kind.weights, kind.build(folder / "config.yaml").state_dict())


def write_world() -> None:
    """What the commands name, in the current folder; ``spk`` and ``stereo.flac`` are there."""
    for i, name in enumerate(("a", "b", "noisy", "crowd", "speaker_alone")):
        soundfile.write(f"{name}.wav", voice(i, 0, 1.0), FS)
    for folder in ("recordings", "more", "clean", "data/test"):
        Path(folder).mkdir(parents=True)
    soundfile.write("more/c.flac", voice(0, 1, 0.5), FS)
    shutil.copy("noisy.wav", "recordings/d.wav")
    Path("data/test/wav.scp").write_text("e noisy.wav\n")
    Path("clean/e.scp").write_text("e noisy.wav\n")
    for name in ("c", "d", "e", "stereo"):
        soundfile.write(f"clean/{name}.wav", voice(1, 1, 1.0 if name in "de" else 0.5), FS)
    Path("my_speakers").symlink_to("spk")
    Path("exp").mkdir()
    Path("egs/mini/se/exp").mkdir(parents=True)
    Path("egs/mini/se/exp/se_train_convtasnet_snr").symlink_to(ROOT / "test/fixtures/v0.1/se_convtasnet")
    verifier(Path("exp/sv_mine"), 0)
    write_system(Path("exp/se_mine"), Enhancer, "GTCRN")
    encoder = {"class_path": "TrainedEmbedder", "init_args": {"system": str(Path("exp/sv_mine").resolve())}}
    write_system(Path("exp/tse_mine"), Extractor, "GTCRNExtractor", speaker_encoder=encoder)
    Path("trials").write_text("a b target\na c nontarget\n")
    Path("scores.txt").write_text("a b 2\na c 1\n")
    Path("utt2spk").write_text("a s\nb s\nc t\n")
    for name in ("recognised", "text"):
        Path(name).write_text("a TURN IT ON\n")


@pytest.mark.parametrize(("page", "count"), [("toolkit/cli/README.md", 25), ("README.md", 2)])
def test_commands_of_a_page(voxsift, page, count):
    write_world()
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    commands = re.findall(r"^(?:cat (\S+) \| )?voxsift ([^>\n]*)", "\n".join(blocks), re.MULTILINE)
    assert len(commands) >= count
    for piped, command in commands:
        if command.startswith("score enhanced"):
            Path("enhanced/stereo.flac").unlink()  # of two channels
            soundfile.write("enhanced/stereo.wav", voice(0, 1, 0.5), FS)
        stdin = Path(piped).read_bytes() if piped else b""
        code, _, err = voxsift(*shlex.split(command, comments=True), stdin=stdin)
        assert code == 0, (command, err)
