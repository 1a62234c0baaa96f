"""A claim to a folder of a store, in place of a lock: an object that says whose it is, and is renewed while they live.

It is made by a conditional write, which of two processes only one can do, and read again before each upload. A claim
that its owner has not renewed for `STALE_SECONDS`, or whose owner was a process of this machine that has ended, is
void.
"""

import contextlib
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aag_tf.utils.errors import AagError
from aag_tf.utils.json_fields import parse_json
from aag_tf.utils.log import logger
from aag_tf.utils.stores.failures import ExistsError, MissingError, StoreError
from aag_tf.utils.stores.store import Store

CLAIM_FILE = ".claim.json"
RENEW_SECONDS = 20.0
STALE_SECONDS = 120.0  # more than the clocks of two machines differ


class ClaimedError(AagError):
    """Another process uses the folder."""


class Claim:
    """The claim of this process to one folder.

    Args:
        store: the folder.
        what: what is claimed, for messages, such as `--run_dir=s3://bucket/run`.
    """

    def __init__(self, store: Store, what: str) -> None:
        self.store = store
        self.what = what
        self._token = secrets.token_hex(8)

    def check(self) -> None:
        """Checks that no other process holds a claim.

        Raises:
            ClaimedError: one does.
        """
        found = self._read()
        if found is None or found.get("token") == self._token or _is_void(found):
            return
        age = time.time() - float(found.get("renewed", 0))
        owner = f"process {found.get('process')} on {found.get('host')}"
        if age < -STALE_SECONDS:
            raise ClaimedError(
                f"{self.what} is in use by another process ({owner}, whose clock is {-age:.0f} s ahead of this one); "
                f"wait for it, stop it, or name another. If it has ended, delete {self.store.address}/{CLAIM_FILE}."
            )
        age = max(0.0, age)
        raise ClaimedError(
            f"{self.what} is in use by another process ({owner}, which said so {age:.0f} s ago); wait for it, stop it, "
            f"or name another. If it has ended, try again in {max(1.0, STALE_SECONDS - age):.0f} s."
        )

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the claim while the block runs.

        Raises:
            ClaimedError: another process holds one.
            StoreError: the store cannot be written.
        """
        self.check()
        try:
            self.store.create(CLAIM_FILE, self._content())
        except ExistsError:
            # Void, or come since: whoever deletes it first may create it.
            self.check()
            self.store.remove(CLAIM_FILE)
            try:
                self.store.create(CLAIM_FILE, self._content())
            except ExistsError:
                self.check()
        ended = threading.Event()
        thread = threading.Thread(target=self._renew, args=(ended,), name="claim", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with contextlib.suppress(StoreError):  # it becomes void by itself
                if self.is_ours():
                    self.store.remove(CLAIM_FILE)

    def is_ours(self) -> bool:
        """Whether the claim is still that of this process.

        Raises:
            StoreError: it cannot be read.
        """
        found = self._read()
        return found is not None and found.get("token") == self._token

    def require(self) -> None:
        """Checks that the claim is still that of this process.

        Raises:
            ClaimedError: another process has taken over, after this one could not renew its claim.
            StoreError: it cannot be read.
        """
        found = self._read()
        if found is not None and found.get("token") != self._token:
            raise ClaimedError(
                f"{self.what} was taken over by process {found.get('process')} on {found.get('host')}, since this one "
                f"could not reach the store for {STALE_SECONDS:.0f} s; nothing of that process was overwritten."
            )

    def _renew(self, ended: threading.Event) -> None:
        while not ended.wait(RENEW_SECONDS):
            try:
                if self.is_ours():
                    self.store.write(CLAIM_FILE, self._content())
            except StoreError as error:
                logger.debug("the claim cannot be renewed now: %s", error)

    def _read(self) -> dict[str, Any] | None:
        try:
            found = parse_json(self.store.read(CLAIM_FILE))
        except (MissingError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _content(self) -> bytes:
        owner = {"process": os.getpid(), "host": platform.node(), "machine": _machine()}
        return json.dumps(owner | {"token": self._token, "renewed": time.time()}).encode()


def _is_void(claim: dict[str, Any]) -> bool:
    renewed, process = claim.get("renewed"), claim.get("process")
    if not isinstance(renewed, (int, float)) or time.time() - renewed > STALE_SECONDS:
        return True
    return claim.get("machine") == _machine() != "" and isinstance(process, int) and not _is_alive(process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _machine() -> str:
    """What tells this machine, since it was started, and this container's processes from all others; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
