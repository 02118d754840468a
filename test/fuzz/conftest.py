"""The folder that is read, made once."""

import os

import pytest

from test.fuzz import world


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder, as the current one while it is made."""
    root, before = tmp_path_factory.mktemp("world"), os.getcwd()
    os.chdir(root)
    try:
        world.build(root)
    finally:
        os.chdir(before)
    return root
