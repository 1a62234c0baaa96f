"""Local copies of what is read from stores: a cache in which a file that has not changed is not copied again.

They lie in `$AAG_CACHE_DIR`, by default `~/.cache/aag_tf`, in folders named as in the store.
"""

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aag_tf.utils.cache import CACHE_VARIABLE, cache_directory
from aag_tf.utils.errors import ConfigError
from aag_tf.utils.log import logger
from aag_tf.utils.paths import nearest_existing, user_path
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores.addresses import is_store, join
from aag_tf.utils.stores.failures import ChangedError, MissingError, StoreError
from aag_tf.utils.stores.store import Store, StoredFile, is_copy

ATTEMPTS = 3  # at a folder that changes while it is copied
THREADS = 16  # copies at once: small files take the time of a round trip each
WORTH_SAYING = 16 * 2**20  # bytes; fewer are copied without a line
FRESH_SECONDS = 60.0  # within which a data set that several checks look at is not listed again

_addresses: dict[Path, str] = {}  # of local copies and working copies, for what is said and for `publish`
_copied_at: dict[Path, float] = {}


def local_path(path: str | os.PathLike[str]) -> Path:
    """Returns a local path as `user_path` does; for an address, where its copy lies, which need not be there yet."""
    return copy_path(path) if isinstance(path, str) and is_store(path) else user_path(path)


def copy_path(address: str) -> Path:
    """Returns where the copy of an address lies; the same place whenever the endpoint is the same."""
    scheme, _, rest = address.partition("://")
    parts = [part for part in rest.split("/") if part]
    if any(part in (".", "..") for part in parts):
        raise ConfigError(f"{address} has a part `.` or `..`; write the address out.")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    place = scheme.lower() + (f"-{hashlib.sha256(endpoint.encode()).hexdigest()[:8]}" if endpoint else "")
    path = cache_directory().joinpath("copies", place, *parts)
    remember(path, address)
    return path


def remember(path: Path, address: str) -> None:
    """Notes that a local path stands for an address."""
    _addresses[path] = address.rstrip("/")


def named(path: str | os.PathLike[str]) -> str:
    """Returns the name by which a user knows a path: the address of which it is a copy, or the path itself."""
    local = Path(path)
    for each in (local, *local.parents):
        if each in _addresses:
            return join(_addresses[each], local.relative_to(each).as_posix() if each != local else "")
    return str(path)


def fetched(path: str | os.PathLike[str], *, fresh_seconds: float = 0.0) -> Path:
    """Returns a local path to read: the path itself, or an up-to-date copy of what lies at an address.

    Raises:
        StoreError: it cannot be copied.
    """
    if isinstance(path, str) and is_store(path):
        return copy_to_read(path, fresh_seconds=fresh_seconds)
    return user_path(path)


def file_to_write(path: str | os.PathLike[str]) -> Path:
    """Returns a local path to write a file to, with what is there now; `publish` then uploads it to an address.

    Raises:
        StoreError: the store cannot be reached.
    """
    if not (isinstance(path, str) and is_store(path)):
        return user_path(path)
    Store(path, probing=True).require_bucket()
    with contextlib.suppress(MissingError):
        copy_to_read(path)
    file = copy_path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def publish(path: Path) -> None:
    """Uploads a file that was written into a copy; does nothing for other files.

    Raises:
        StoreError: it cannot be written; the local file stays.
    """
    address = named(path)
    if is_store(address):
        parent, _, name = address.rpartition("/")
        Store(parent).upload(path, name)


def copy_to_read(
    address: str,
    *,
    scope: Callable[[str], bool] = lambda name: True,
    is_whole: Callable[[str, Collection[str]], bool] = lambda name, names: True,
    fresh_seconds: float = 0.0,
) -> Path:
    """Copies what lies at an address and below it, as far as the copy is not up to date; returns the copy.

    Args:
        address: of a folder or an object.
        scope: which names below it are looked at; others stay as they are in the copy.
        is_whole: whether a name, among all of them, is of a result that is written completely; others are left out.
        fresh_seconds: a copy that this process made so many seconds ago is taken as it is.

    Raises:
        MissingError: there is nothing.
        StoreError: it cannot be read, or the disk has no room for it.
    """
    target = copy_path(address)
    if target.exists() and time.monotonic() - _copied_at.get(target, -FRESH_SECONDS) < fresh_seconds:
        return target
    for attempt in range(ATTEMPTS):
        found = Store(address, probing=True).list()
        if not found:
            raise MissingError(f"{address} does not exist, or holds nothing; mend the address.")
        wanted = {
            name: file
            for name, file in found.items()
            if (not name or is_safe(name)) and scope(name) and is_whole(name, found)
        }
        try:
            _remove_others(target, wanted, scope)
            download(Store(address), wanted, target)
            break
        except (ChangedError, MissingError):  # as of a run that is being trained
            if attempt == ATTEMPTS - 1:
                raise
        except OSError as error:
            raise StoreError(
                f"{address} cannot be copied to {target} ({error.strerror or error}); mend that, or name another "
                f"directory in {CACHE_VARIABLE}."
            ) from error
    unsafe = [name for name in found if name and not is_safe(name)]
    if unsafe:
        count, example = len(unsafe), unsafe[0]
        logger.warning("%s has %d names that no file can have, as %r; they are left out.", address, count, example)
    _copied_at[target] = time.monotonic()
    return target


def download(store: Store, wanted: dict[str, StoredFile], target: Path) -> None:
    """Copies objects to files below a directory, several at a time, as far as these are not copies already.

    Raises:
        StoreError: one cannot be read, or the disk has no room.
        OSError: one cannot be written.
    """
    missing = {name: file for name, file in wanted.items() if not is_copy(target / name, file)}
    if not missing:
        return
    size = sum(file.size for file in missing.values())
    free = shutil.disk_usage(nearest_existing(target)).free
    if size > free:
        raise StoreError(
            f"{store.address} needs {size / 1e9:.2g} GB in {target}, which has {free / 1e9:.2g} GB free; free some "
            f"space, or name another directory in {CACHE_VARIABLE}."
        )
    if size >= WORTH_SAYING:
        logger.info("Copying %s files, %.3g MB, of %s to %s.", f"{len(missing):,}", size / 1e6, store.address, target)
    for folder in {(target / name).parent for name in missing}:
        folder.mkdir(parents=True, exist_ok=True)
    with progress_bar("copying", size, "B") as bar, ThreadPoolExecutor(THREADS) as pool:

        def fetch(name: str) -> int:
            store.download(name, target / name, missing[name])
            return missing[name].size

        try:
            for done in pool.map(fetch, missing):
                bar.update(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def is_safe(name: str) -> bool:
    """Whether the name of an object, which may come from anybody, can be a path below a directory."""
    parts = name.split("/")
    return "\0" not in name and all(part not in ("", ".", "..") for part in parts)


def _remove_others(target: Path, wanted: dict[str, StoredFile], scope: Callable[[str], bool]) -> None:
    """Deletes files of the copy that the store has no longer, and what is in the way of new ones."""
    if target.is_file() and set(wanted) != {""}:
        target.unlink()
    for folder, _, names in os.walk(target):
        for name in names:
            path = Path(folder, name)
            below = path.relative_to(target).as_posix()
            if below not in wanted and scope(below):
                path.unlink(missing_ok=True)
    for folder, _, _ in os.walk(target, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)
