import errno
import os

import pytest

from toolkit.io.atomic import replacing, replacing_path


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


def test_a_full_disk_is_told_with_the_files_name(tmp_path):
    path = tmp_path / "table"
    path.write_text("old")
    (tmp_path / f".table.{os.getpid()}.tmp").symlink_to("/dev/full")
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
