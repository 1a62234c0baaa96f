"""Object stores for tests: moto's S3 server on loopback, and a store that fails where a process would be killed.

Their libraries are imported where they are used, since every test imports this module.
"""

import itertools
import logging
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from aag_tf.utils.stores import Store, StoreError, claims

BUCKET = "bucket"
ADDRESS = f"s3://{BUCKET}"
VARIABLES = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of a server of S3, empty at first; all tests of a process share it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint, tmp_path, monkeypatch) -> Iterator[dict[str, str]]:
    """An empty bucket `s3://bucket` and a cache of its own; yields the variables that another process needs."""
    import boto3

    variables = {**VARIABLES, "AWS_ENDPOINT_URL": s3_endpoint, "AAG_CACHE_DIR": str(tmp_path / "cache")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=BUCKET)
    yield variables
    bucket.objects.all().delete()
    bucket.delete()


@pytest.fixture
def memory(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of an empty store in the memory of this process, with a cache of its own."""
    import fsspec

    monkeypatch.setenv("AAG_CACHE_DIR", str(tmp_path / "cache"))
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield "memory://bucket"
    files.store.clear()


def names(address: str) -> list[str]:
    """The names of all objects below an address."""
    return list(Store(address).list())


class Killed(BaseException):
    """What nothing handles, as nothing does after `kill -9`."""


def fail_after(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException | None = None) -> None:
    """Lets so many further writes and deletions of this process succeed, and no more.

    Args:
        monkeypatch: undoes it.
        count: how many.
        error: what the others raise; a `StoreError` by default.
    """
    error = error or StoreError("the store is gone.")
    left = [count]

    def guarded(function):
        def call(self, *arguments):
            left[0] -= 1
            if left[0] < 0:
                raise error
            return function(self, *arguments)

        return call

    for method in ("upload", "write", "create", "remove"):
        monkeypatch.setattr(Store, method, guarded(getattr(Store, method)))


def killed_after_each_change(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], prepare: Callable[[], object] = lambda: None
) -> Iterator[int]:
    """Kills `act` after 0, 1, 2, ... changes to the store, and yields that number each time, until it is not killed.

    Args:
        monkeypatch: undoes what lets the next process take over at once.
        act: what one process does.
        prepare: is called before each, and not killed.
    """
    monkeypatch.setattr(claims, "_is_alive", lambda process: False)
    for count in itertools.count():
        prepare()
        with monkeypatch.context() as patch:
            fail_after(patch, count, Killed())
            try:
                act()
            except Killed:
                pass
            else:
                return
        yield count


def killed_at_upload(name: str) -> None:
    """Makes this process end, as by `kill -9`, when it is to upload an object of that name; for another process."""
    upload = Store.upload

    def guarded(self, path, own):
        if own.endswith(name):
            os.kill(os.getpid(), signal.SIGKILL)
        upload(self, path, own)

    Store.upload = guarded
