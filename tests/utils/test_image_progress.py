"""What a person sees of work on many images: a bar on a terminal, a line now and then in a log."""

import io
import types

from aag_tf.utils import image_progress as progress
from aag_tf.utils.image_progress import ImageProgress
from aag_tf.utils.progress import no_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_rate_broken_files_and_time_left_every_half_minute(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    with ImageProgress("embedding", 10_000, done=1000) as bar:
        for seconds, images, failed in ((110.0, 300, 1), (131.0, 320, 2), (140.0, 100, 0)):
            now[0] = seconds
            bar.update(images, failed)
    # Ten seconds are too soon for a line. After 31 the 620 images of this run count, and not those of an earlier one.
    # 8 380 images at 20 a second are seven minutes.
    assert capsys.readouterr().err == "1,620 of 10,000 images: 20 images/s, 3 broken, 7 min left\n"


def test_a_terminal_gets_a_bar_that_starts_where_an_earlier_run_ended(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    with ImageProgress("packing", 100, done=20) as bar:
        bar.skip(20)
        bar.update(60, 1)
        assert bar.new == 60
    shown = terminal.getvalue()
    assert all(part in shown for part in (" 20/100", "100/100", "img/s", "1 broken", "packing"))


def test_nothing_is_shown_without_progress(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    with no_progress(), ImageProgress("embedding", 10) as bar:
        now[0] = 200.0
        bar.update(5, 0)
    assert capsys.readouterr().err == ""
