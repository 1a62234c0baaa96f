"""URLs where a path is expected: `Path("gs://bucket/x")` would be a local folder called `gs:`."""

import re
from collections.abc import Collection
from urllib.parse import unquote

from aag_tf.utils.errors import ConfigError

# The schemes that are told apart from a file name with one slash too (`gs:/bucket`), since no file is called so.
KNOWN = ("abfs", "abfss", "az", "file", "ftp", "gcs", "gs", "hdfs", "http", "https", "memory", "oci", "s3", "s3a")
STORES = ("s3", "gs", "az", "abfs", "hdfs")  # that `aag_tf.utils.stores` reads and writes
# A letter and a colon are a drive of Windows, or a name on Linux. Behind a word (`folder:`) is a path too.
URL = re.compile(rf"(?:\w+:)?(?:([a-z][a-z0-9+.-]+)://|({'|'.join(KNOWN)}):/)", re.IGNORECASE)


def scheme_of(text: str) -> str | None:
    """Returns the scheme of a URL in lower case, also of `folder:gs://bucket/x`; `None` for a path."""
    found = URL.match(text)
    return (found[1] or found[2]).lower() if found else None


def check_scheme(label: str, text: str, supported: Collection[str] = ()) -> None:
    """Checks that text is a path, or a URL of a supported scheme.

    Args:
        label: name of the setting, such as `--run_dir`; empty for none.
        text: a path or URL, or several between commas.
        supported: schemes of URLs that are taken, in lower case.

    Raises:
        ConfigError: it is a URL of another scheme.
    """
    for part in text.split(","):
        scheme = scheme_of(part.strip())
        if scheme is None or (scheme in supported and "://" in part):
            continue
        given = f"{label}={text}" if label else text
        if scheme == "file":
            path = re.sub(r"^.*?file:/+", "/", part.strip(), flags=re.IGNORECASE)
            raise ConfigError(f"{given} is a URL; write the path itself, as {unquote(path)}.")
        if scheme in supported:
            raise ConfigError(f"{given} has one slash where {scheme}:// has two; write {scheme}://BUCKET/FOLDER.")
        also = f", or URLs of {', '.join(supported)}" if supported else ""
        raise ConfigError(
            f"{given} is a URL ({scheme}), and only paths on this machine are taken{also}; copy what it names here, or "
            "mount the store and name a directory in it."
        )
