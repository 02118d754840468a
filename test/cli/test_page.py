"""Every command of the page of voxsift runs."""

import re
import shlex
import shutil
from pathlib import Path

import soundfile

from test.conftest import FS, voice
from test.helpers.tiny_verifier import verifier

PAGE = Path(__file__).parents[2] / "toolkit/cli/README.md"


def write_world() -> None:
    """What the commands name, in the current folder; ``spk`` and ``stereo.flac`` are there."""
    for i, name in enumerate(("a", "b", "noisy", "crowd", "speaker_alone")):
        soundfile.write(f"{name}.wav", voice(i, 0, 1.0), FS)
    for folder in ("recordings", "more", "clean", "data/test"):
        Path(folder).mkdir(parents=True)
    soundfile.write("more/c.flac", voice(0, 1, 0.5), FS)
    shutil.copy("noisy.wav", "recordings/d.wav")
    Path("data/test/wav.scp").write_text("e noisy.wav\n")
    for name in ("c", "d", "e", "stereo"):
        soundfile.write(f"clean/{name}.wav", voice(1, 1, 1.0 if name in "de" else 0.5), FS)
    Path("my_speakers").symlink_to("spk")
    Path("exp").mkdir()
    verifier(Path("exp/sv_mine"), 0)
    Path("trials").write_text("a b target\na c nontarget\n")
    Path("scores.txt").write_text("a b 2\na c 1\n")
    Path("utt2spk").write_text("a s\nb s\nc t\n")
    for name in ("recognised", "text"):
        Path(name).write_text("a TURN IT ON\n")


def test_commands_of_the_page(voxsift):
    write_world()
    commands = re.findall(r"^voxsift (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        if command.startswith("score enhanced"):
            Path("enhanced/stereo.flac").unlink()  # of two channels
            soundfile.write("enhanced/stereo.wav", voice(0, 1, 0.5), FS)
        code, _, err = voxsift(*shlex.split(command))
        assert code == 0, (command, err)
