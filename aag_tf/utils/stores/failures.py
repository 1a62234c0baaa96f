"""What goes wrong with a store, in one sentence."""

import contextlib
from collections.abc import Iterator

from aag_tf.utils.errors import AagError, ConfigError, one_line
from aag_tf.utils.stores.addresses import PACKAGES, scheme_of
from aag_tf.utils.urls import STORES

MOST_OF_A_REASON = 160  # letters; some libraries answer with a page
# Classes by name, since each store has a library of its own that need not be installed.
NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "SSOError",
    "DefaultCredentialsError",
    "ClientAuthenticationError",
    "ProfileNotFound",
)
REFUSED = ("PermissionError", "RefreshError")
REFUSED_CODES = (
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthFailure",
    "Forbidden",
    "401",
    "403",
)
UNREACHABLE = (
    "EndpointConnectionError",
    "HTTPClientError",  # of botocore: timeouts, closed connections, certificates
    "ClientConnectionError",
    "ConnectionError",
    "TimeoutError",
    "FSTimeoutError",
    "ServiceRequestError",
)
CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, as for the AWS command line",
    "gs": "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
SAME_AS = {"abfs": "az"}


class StoreError(AagError):
    """A store cannot be reached, refuses, or has not what was asked for."""


class MissingError(StoreError):
    """There is no such object or bucket."""


class ChangedError(StoreError):
    """An object is not the one that was listed."""


class ExistsError(StoreError):
    """An object that was to be new exists."""


@contextlib.contextmanager
def reported(address: str) -> Iterator[None]:
    """Converts whatever a file system raises inside the block.

    Raises:
        StoreError: the message is one sentence.
    """
    try:
        yield
    except AagError:
        raise
    except Exception as error:  # every store has classes of its own
        raise as_store_error(address, error) from error


def as_store_error(address: str, error: Exception) -> StoreError:
    """Returns the sentence for an exception of a file system."""
    scheme = scheme_of(address)
    scheme = SAME_AS.get(scheme, scheme)
    chain = _chain(error)
    classes = {cls.__name__ for each in chain for cls in type(each).__mro__}
    code = next(filter(None, map(_code, chain)), "")
    reason = one_line(error, MOST_OF_A_REASON) or type(error).__name__
    login = CREDENTIALS.get(scheme, "log in to the store")
    if code in ("NoSuchBucket", "404"):
        return MissingError(f"{address}: there is no such bucket; create it, or mend its name.")
    if isinstance(error, FileExistsError):
        return ExistsError(f"{address} exists.")
    if isinstance(error, FileNotFoundError):
        return MissingError(f"{address} does not exist.")
    if classes & set(NO_CREDENTIALS):
        problem = f": there are no credentials for {scheme}:// ({reason}); {login}"
    elif code in REFUSED_CODES or classes & set(REFUSED):
        problem = f": the store refuses these credentials ({reason}); give them access, or {login}"
    elif classes & set(UNREACHABLE):
        endpoint = ", the network and AWS_ENDPOINT_URL" if scheme == "s3" else " and the network"
        problem = f" cannot be reached ({reason}); check the address{endpoint}, then try again"
    else:
        problem = f" cannot be used ({reason}); mend that and give the command again"
    return StoreError(f"{address}{problem}.")


def missing_package(address: str, error: Exception) -> ConfigError:
    """The error for a store whose package is not installed or does not work."""
    scheme = scheme_of(address)
    package = PACKAGES[scheme]
    if package == "pyarrow":
        reason = one_line(error, MOST_OF_A_REASON)
        return ConfigError(f"{address}: pyarrow cannot use hdfs:// here ({reason}); install Hadoop's client and Java.")
    command = "pip install 'aag-tf[cloud]'"
    more = "" if package in ("s3fs", "") else f" {package}"
    return ConfigError(f"{address} needs packages that are not installed here: {command}{more}.")


def unknown_scheme(address: str) -> ConfigError:
    """The error for an address of no store that is known."""
    return ConfigError(
        f"{address} begins with {scheme_of(address)}://, which is no store that can be used; name a local path, or a "
        f"URL of {', '.join(STORES)}."
    )


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__
    return chain


def _code(error: BaseException) -> str:
    """The code of an answer of S3, such as `AccessDenied`; "" for other errors."""
    response = getattr(error, "response", None)  # of botocore
    found = response.get("Error") if isinstance(response, dict) else None
    return str(found.get("Code", "")) if isinstance(found, dict) else ""
