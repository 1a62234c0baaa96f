"""Claims in place of locks."""

import json
import os
import subprocess
import sys
import time

import pytest
from object_store import names

from aag_tf.utils.stores import Claim, ClaimedError, Store, claims
from aag_tf.utils.stores.claims import CLAIM_FILE, STALE_SECONDS


@pytest.fixture(params=["memory", "s3"])
def store(request):
    request.getfixturevalue(request.param)
    return Store("memory://bucket/run" if request.param == "memory" else "s3://bucket/run")


def claim(store):
    return Claim(store, "--run_dir=RUN")


def write(store, **changes):
    """Writes the claim of another process of this machine, which lives."""
    owner = {"process": os.getppid(), "host": "other", "machine": claims._machine(), "token": "x"}
    store.write(CLAIM_FILE, json.dumps(owner | {"renewed": time.time()} | changes).encode())


def ended_process():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_one_process_has_it_and_gives_it_back(store):
    with claim(store).held():
        with pytest.raises(ClaimedError) as error:
            claim(store).check()
        assert str(error.value).startswith(f"--run_dir=RUN is in use by another process (process {os.getpid()} on ")
        with pytest.raises(ClaimedError), claim(store).held():
            raise AssertionError("two at once")
    assert names(store.address) == []
    claim(store).check()


def test_a_living_owner_is_respected(store):
    write(store)
    with pytest.raises(ClaimedError, match=r"process \d+ on other, which said so 0 s ago.* try again in 120 s"):
        claim(store).check()


def test_an_owner_whose_clock_is_ahead_is_respected_and_its_claim_named(store):
    write(store, renewed=time.time() + 86_400)
    with pytest.raises(
        ClaimedError, match=r"whose clock is 86\d{3} s ahead of this one\).* delete .*/run/\.claim\.json\.$"
    ):
        claim(store).check()


@pytest.mark.parametrize(
    "changes", [{"renewed": 0.0}, {"renewed": None}, {"process": "ended"}], ids=["old", "damaged", "ended"]
)
def test_a_void_claim_is_taken_over(store, changes):
    write(store, **{name: ended_process() if value == "ended" else value for name, value in changes.items()})
    with claim(store).held(), pytest.raises(ClaimedError):
        claim(store).check()


def test_an_ended_process_of_another_machine_is_waited_for(store):
    write(store, process=ended_process(), machine="another")
    with pytest.raises(ClaimedError):
        claim(store).check()


def test_a_claim_is_renewed(store, monkeypatch):
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.02)
    with claim(store).held():
        first = json.loads(store.read(CLAIM_FILE))["renewed"]
        until = time.monotonic() + 20
        while json.loads(store.read(CLAIM_FILE))["renewed"] == first:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_who_lost_it_is_told_and_leaves_that_of_the_other(store):
    own = claim(store)
    with own.held():
        own.require()
        write(store)
        with pytest.raises(ClaimedError, match="was taken over by process"):
            own.require()
    assert names(store.address) == [CLAIM_FILE]
    assert STALE_SECONDS > 2 * claims.RENEW_SECONDS
