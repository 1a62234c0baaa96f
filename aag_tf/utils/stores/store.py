"""A folder or an object of a store: listed, read, written and deleted, each failure a sentence."""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from aag_tf.utils.errors import ConfigError
from aag_tf.utils.stores.addresses import PACKAGES, join, scheme_of
from aag_tf.utils.stores.failures import ChangedError, ExistsError, missing_package, reported, unknown_scheme

CONNECT_SECONDS = 5
READ_SECONDS = 60
BLOCK = 8 * 2**20  # bytes read at once
ATTEMPTS = 5  # of a request, by the library of the store; a probe makes one
VERSION_KEYS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "updated", "mtime", "created")


class StoredFile(NamedTuple):
    """An object.

    Args:
        size: in bytes.
        version: changes with its content; of the store's ETag where it has one.
    """

    size: int
    version: str


class Store:
    """An address and what lies below it.

    Args:
        address: such as `s3://bucket/folder`; nothing needs to exist there.
        probing: answer within seconds where the store cannot be reached, rather than try again.

    Raises:
        ConfigError: the scheme is not known, or its package is missing.
    """

    def __init__(self, address: str, *, probing: bool = False) -> None:
        self.address = address.rstrip("/")
        scheme = scheme_of(address)
        if scheme not in PACKAGES:
            raise unknown_scheme(address)
        bucket = self.address.partition("://")[2].partition("/")[0]
        if not bucket and scheme != "hdfs":
            raise ConfigError(f"{address} names no bucket; write {scheme}://BUCKET/FOLDER.")
        with reported(address):
            self._files, self._root = _file_system(f"{scheme}://{self.address.partition('://')[2]}", scheme, probing)

    def __truediv__(self, name: str) -> "Store":
        """A folder or object below."""
        return Store(join(self.address, name))

    def list(self) -> dict[str, StoredFile]:
        """Everything below the address by its relative name, sorted; the object itself, if it is one, is named "".

        Folders, which some programs mark by empty objects, are left out.
        """
        with reported(self.address):
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._root, detail=True)
            except FileNotFoundError as error:
                if error.__cause__ is not None:
                    raise
                return {}
        start = len(self._root.rstrip("/"))
        names = {key[start:].lstrip("/"): info for key, info in found.items() if not key.endswith("/")}
        return {name: _stored(names[name]) for name in sorted(names, key=lambda name: name.split("/"))}

    def require_bucket(self) -> None:
        """Checks that the store answers; asks for no more than one name.

        Raises:
            StoreError: it does not.
        """
        with reported(self.address):
            self._files.invalidate_cache()
            try:
                self._files.info(self._root)
            except FileNotFoundError as error:
                if error.__cause__ is not None:  # an answer of the store, such as that there is no such bucket
                    raise

    def read(self, name: str) -> bytes:
        """The content of an object.

        Raises:
            MissingError: there is none.
        """
        with reported(join(self.address, name)):
            return self._files.cat_file(self._key(name))

    def write(self, name: str, content: bytes) -> None:
        """Writes an object whole."""
        with reported(join(self.address, name)):
            self._files.pipe_file(self._key(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Writes an object that must not exist yet; two processes cannot both succeed, where the store sees to that.

        S3 does, by `If-None-Match`.

        Raises:
            ExistsError: it exists.
        """
        address = join(self.address, name)
        with reported(address):
            try:
                self._files.pipe_file(self._key(name), content, mode="create")
                return
            except (NotImplementedError, TypeError, ValueError):
                pass  # a store without conditions
            if self._files.exists(self._key(name)):
                raise ExistsError(f"{address} exists.")
            self._files.pipe_file(self._key(name), content)

    def upload(self, path: str | os.PathLike[str], name: str) -> None:
        """Copies a local file to the store, whole or not at all."""
        with reported(join(self.address, name)):
            self._files.put_file(os.fspath(path), self._key(name))

    def download(self, name: str, path: Path, expected: StoredFile) -> None:
        """Copies an object to a local file, whole or not at all; the file's time says which version it is.

        Raises:
            ChangedError, MissingError: it is not the one that was listed, or gone.
        """
        address = join(self.address, name)
        temporary = path.with_name(f".{secrets.token_hex(6)}.part")
        try:
            with reported(address):
                self._files.get_file(self._key(name), str(temporary))
            size = temporary.stat().st_size
            if size != expected.size:
                raise ChangedError(f"{address} changed while it was read ({size} of {expected.size} bytes); try again.")
            stamp(temporary, expected)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def digest(self, name: str) -> str:
        """The SHA-256 of an object, in hexadecimal, from its content as it is read back."""
        digest = hashlib.sha256()
        with reported(join(self.address, name)), self._files.open(self._key(name), "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def remove(self, name: str) -> None:
        """Deletes an object; one that is gone already is no error."""
        with reported(join(self.address, name)), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._key(name))

    def _key(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root


def stamp(path: Path, file: StoredFile) -> None:
    """Gives a local copy a time that stands for its version, so that no list of versions must be kept beside it."""
    os.utime(path, ns=(_time_of(file), _time_of(file)))


def is_copy(path: Path, file: StoredFile) -> bool:
    """Whether a local file is a copy of an object, by its size and its time."""
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_size == file.size and status.st_mtime_ns == _time_of(file)


def _time_of(file: StoredFile) -> int:
    return int.from_bytes(hashlib.sha256(f"{file.size} {file.version}".encode()).digest()[:7], "big")


def _stored(info: dict[str, Any]) -> StoredFile:
    version = next((str(info[key]) for key in VERSION_KEYS if info.get(key)), "")
    return StoredFile(int(info["size"]), version)


def _file_system(address: str, scheme: str, probing: bool) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise missing_package(address, error) from error
    options: dict[str, Any] = {"use_listings_cache": False}
    if PACKAGES[scheme] == "s3fs":
        options["config_kwargs"] = {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS // 4 if probing else READ_SECONDS,
            "retries": {"mode": "standard", "total_max_attempts": 1 if probing else ATTEMPTS},
        }
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:  # botocore reads it too; here, since fsspec keeps a connection for each set of options
            options["endpoint_url"] = endpoint
    try:
        return fsspec.url_to_fs(address, **options)
    except ImportError as error:
        raise missing_package(address, error) from error
    except OSError as error:
        if PACKAGES[scheme] == "pyarrow":  # which looks for Java
            raise missing_package(address, error) from error
        raise
