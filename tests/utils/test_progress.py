"""Progress bars: shown on a terminal, and nowhere inside `no_progress`."""

import pytest

from aag_tf.utils.progress import no_progress, progress_bar, progress_shown, time_left


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


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "20 s left"), (100, "2 min left"), (3600, "1:00 h left"), (90 * 60 + 29, "1:30 h left")]
)
def test_time_left_is_in_minutes_below_an_hour(seconds, text):
    assert time_left(seconds) == text
