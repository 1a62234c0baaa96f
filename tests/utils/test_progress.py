"""Progress bars: shown on a terminal and in a notebook, and nowhere inside `no_progress`."""

import io
import sys

import pytest

from aag_tf.utils.progress import (
    lasting_bar,
    no_progress,
    progress_bar,
    progress_shown,
    rate,
    shows_bars,
    time_left,
)


def test_no_progress_holds_within_its_block_and_also_after_an_error():
    assert progress_shown()
    with no_progress():
        assert not progress_shown()
        with no_progress(), progress_bar("work", 3, "step") as bar:
            assert bar.disable
        assert not progress_shown()
    with pytest.raises(ZeroDivisionError), no_progress():
        1 / 0
    assert progress_shown()


def test_no_progress_decorates_a_function():
    @no_progress()
    def shown():
        return progress_shown()

    assert not shown()
    assert progress_shown()


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Cell(io.StringIO):
    """What a kernel puts in the place of stdout and stderr."""


Cell.__module__ = "ipykernel.iostream"


def test_bars_are_for_terminals_and_notebooks():
    assert [shows_bars(stream) for stream in (Terminal(), Cell(), io.StringIO())] == [True, True, False]
    with no_progress():
        assert not any(shows_bars(stream) for stream in (Terminal(), Cell()))


@pytest.mark.parametrize(("stream", "out", "err"), [(Terminal, "", "5/9"), (Cell, "5/9", ""), (io.StringIO, "", "")])
def test_a_bar_goes_to_stderr_and_in_a_notebook_to_stdout_which_is_not_red(monkeypatch, stream, out, err):
    monkeypatch.setattr(sys, "stdout", stream())
    monkeypatch.setattr(sys, "stderr", stream())
    with progress_bar("short work", 9, "step") as bar:
        bar.update(5)
    assert (sys.stdout.getvalue(), sys.stderr.getvalue()) == ("", "")  # over in less than a second
    if shows_bars(sys.stderr):
        with lasting_bar("long work", 9, "step", done=2, stream=sys.stderr) as bar:
            bar.update(3)
    assert out in sys.stdout.getvalue()
    assert err in sys.stderr.getvalue()
    assert bool(sys.stdout.getvalue()) == bool(out)
    assert bool(sys.stderr.getvalue()) == bool(err)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s left"),
        (20, "20 s left"),
        (59.4, "59 s left"),
        (59.6, "1 min left"),
        (100, "2 min left"),
        (59.4 * 60, "59 min left"),
        (59.6 * 60, "1:00 h left"),
        (90 * 60 + 29, "1:30 h left"),
        (50 * 3600, "50:00 h left"),
    ],
)
def test_time_left_is_in_seconds_minutes_or_hours(seconds, text):
    assert time_left(seconds) == text


@pytest.mark.parametrize(("units", "text"), [(1234.5, "1,234 images/s"), (9.96, "10 images/s"), (0.44, "0.4 images/s")])
def test_a_low_rate_has_a_decimal(units, text):
    assert rate(units, "images") == text
