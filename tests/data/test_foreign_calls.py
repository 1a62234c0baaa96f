"""Calls of Python by threads that do not end by themselves."""

import threading
import time

from aag_tf.data.foreign_calls import ForeignCalls


def test_calls_are_passed_on():
    calls = ForeignCalls()
    double = calls.counted(lambda number: 2 * number, lambda number: 0)
    assert [double(number) for number in range(3)] == [0, 2, 4]
    calls.finish()
    assert double(3) == 6  # for a next iterator


def test_finishing_waits_for_a_call_and_gives_later_ones_nothing():
    calls, begun, goes_on, results = ForeignCalls(), threading.Event(), threading.Event(), []

    def slow(number):
        begun.set()
        goes_on.wait(10)
        return number

    function = calls.counted(slow, lambda number: -number)
    thread = threading.Thread(target=lambda: results.extend([function(1), function(2)]))
    thread.start()
    begun.wait(10)
    finisher = threading.Thread(target=calls.finish)
    finisher.start()
    time.sleep(0.3)
    assert finisher.is_alive()
    goes_on.set()
    finisher.join(10)
    thread.join(10)
    assert not finisher.is_alive()
    assert results == [1, -2]


def test_an_error_ends_its_call():
    calls = ForeignCalls()
    function = calls.counted(lambda number: 1 / number, lambda number: 0)
    try:
        function(0)
    except ZeroDivisionError:
        calls.finish()
