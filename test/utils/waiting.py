"""Waiting for what other processes do."""

import time

import pytest


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")
