import errno
import os
import pty
import socket
import stat
import threading

import pytest

from toolkit.io import atomic
from toolkit.io.atomic import LEFT_BY_THE_KILLED, replacing, replacing_path
from toolkit.io.errors import InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def failing(error):
    yield "half"
    raise error("half")


@pytest.mark.parametrize(("mode", "content"), [("w", "é\n"), ("wb", b"\xff\x00")])
def test_replaces_the_old_file(tmp_path, mode, content):
    path = tmp_path / "table"
    path.write_text("old")
    with replacing(path, mode) as handle:
        handle.write(content)
        assert path.read_text() == "old"
    assert path.read_bytes() == (content.encode() if mode == "w" else content)
    assert names(tmp_path) == ["table"]


def test_a_temporary_name_cannot_be_foreseen(tmp_path):
    """In a shared folder others could put a link to a file of yours there."""
    asides = set()
    for _ in range(9):
        with replacing_path(tmp_path / "a.wav") as aside:
            asides.add(aside.name)
            aside.touch()
        assert LEFT_BY_THE_KILLED.fullmatch(aside.name)
    assert len(asides) == 9


def test_an_error_leaves_no_new_folder(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(ValueError, match="half"), replacing(tmp_path / "old/a/b/table") as handle:
        handle.writelines(failing(ValueError))
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == []


def test_a_new_folder_stays_where_another_file_lies_in_it(tmp_path):
    def lines():
        (tmp_path / "a/other").touch()
        yield from failing(ValueError)

    with pytest.raises(ValueError, match="half"), replacing(tmp_path / "a/b/table") as handle:
        handle.writelines(lines())
    assert names(tmp_path / "a") == ["other"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "table"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as handle:
        handle.writelines(failing(error))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table"]


def test_an_error_leaves_no_file_where_none_was(tmp_path):
    with pytest.raises(ValueError, match="half"), replacing_path(tmp_path / "plot.png") as aside:
        aside.write_text("".join(failing(ValueError)))
    assert names(tmp_path) == []


def test_the_path_aside_has_the_folder_and_the_suffix(tmp_path):
    with replacing_path(tmp_path / "new" / "plot.png") as aside:
        assert (aside.parent, aside.suffix) == (tmp_path / "new", ".png")
        aside.write_bytes(b"x")
    assert names(tmp_path / "new") == ["plot.png"]


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing_path(tmp_path / "plot.png"):
        pass


def test_a_full_disk_is_told_with_the_files_name(tmp_path, monkeypatch):
    path = tmp_path / "table"
    path.write_text("old")
    monkeypatch.setattr(atomic, "random_number", lambda: 7)
    (tmp_path / ".table.7.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught, replacing(path) as handle:
        handle.write("new")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table"]


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "table").mkdir()
    with pytest.raises(IsADirectoryError) as caught, replacing(tmp_path / "table") as handle:
        handle.write("new")
    assert caught.value.filename == str(tmp_path / "table")
    assert names(tmp_path) == ["table"]


def test_a_fifo_gets_the_bytes_and_stays_a_fifo(tmp_path):
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()
    with replacing(path, "wb") as handle:
        handle.write(b"x" * 100_000)  # more than a pipe holds
    reader.join(10)
    assert got == [b"x" * 100_000]
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize("link", [False, True])
def test_a_terminal_gets_the_text_and_stays_a_device(tmp_path, link):
    ours, theirs = pty.openpty()
    path = os.ttyname(theirs)
    if link:
        (tmp_path / "tty").symlink_to(path)
    with replacing(tmp_path / "tty" if link else path) as handle:
        handle.write("table\n")
    assert os.read(ours, 100) == b"table\r\n"
    assert stat.S_ISCHR(os.stat(path).st_mode)
    os.close(ours), os.close(theirs)


def test_the_open_file_behind_a_descriptor_is_appended_to(tmp_path):
    with open(tmp_path / "log", "w") as log:
        log.write("before\n")
        log.flush()
        with replacing(f"/dev/fd/{log.fileno()}") as handle:
            handle.write("table\n")
    assert (tmp_path / "log").read_text() == "before\ntable\n"


@pytest.mark.parametrize("old", ["old", None])
def test_a_link_is_followed(tmp_path, old):
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store/table")
    if old:
        (tmp_path / "store/table").write_text(old)
    with replacing(tmp_path / "link") as handle:
        handle.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "store/table").read_text() == "new"
    assert (names(tmp_path), names(tmp_path / "store")) == (["link", "store"], ["table"])


def test_a_socket_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("door")
    with pytest.raises(InputError, match="door"), replacing("door"):
        pytest.fail("opened")
    assert stat.S_ISSOCK((tmp_path / "door").stat().st_mode)
