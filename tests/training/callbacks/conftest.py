"""A writer that keeps its records."""

import pytest


class Kept:
    """A writer that keeps its records."""

    def __init__(self):
        self.records = []

    def write(self, record):
        self.records.append(dict(record))


@pytest.fixture
def writer():
    return Kept()
