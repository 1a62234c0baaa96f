"""A signal is acknowledged at once, ends a run after its step, and at once where it comes again."""

import hashlib
import os
import signal
import sys
import time
from types import SimpleNamespace

import pytest
from processes import Process

from aag_tf.training.callbacks import GracefulStop, StepRange


def test_a_signal_stops_at_the_next_step_and_a_second_one_at_once():
    model = SimpleNamespace(stop_training=False)
    before = signal.getsignal(signal.SIGINT)
    with GracefulStop(StepRange(0, 10, 5)) as callback:
        callback.set_model(model)
        callback.on_train_batch_end(0)
        assert not model.stop_training
        os.kill(os.getpid(), signal.SIGINT)
        callback.on_train_batch_end(1)
        assert model.stop_training
        assert callback.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_says_which_step_is_finished(capfd):
    with GracefulStop(StepRange(40, 100, 5)) as callback:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
    assert callback.received == signal.SIGINT
    assert capfd.readouterr().err == "\nCtrl-C: finishing step 41 and saving it; Ctrl-C again stops at once.\n"


def test_a_scheduler_may_send_sigterm_twice():
    with GracefulStop(StepRange(0, 10, 5)) as callback:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert callback.received == signal.SIGTERM


def long_step():
    """Spends minutes outside of Python, which handles no signal meanwhile, as a step of TensorFlow does."""
    with GracefulStop(StepRange(0, 10, 5)):
        print("begun", file=sys.stderr, flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_second_signal_ends_a_long_step(number, name, tmp_path):
    process = Process(long_step, log=tmp_path / "messages.txt")
    process.wait_for(lambda: "begun" in process.messages)
    process.send(number)
    process.wait_for(lambda: f"{name}: finishing step 1 and saving it" in process.messages)
    time.sleep(1.1)  # a SIGTERM that follows at once is the same one
    process.send(number)
    assert process.finish() == 128 + number
    assert process.messages.endswith(f"\n{name}: stopping at once; a checkpoint that was saved before stays intact.\n")
