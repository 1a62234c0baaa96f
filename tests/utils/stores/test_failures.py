"""What goes wrong with a store is one sentence, and comes within seconds."""

import http.server
import sys
import threading
import time

import pytest

from aag_tf.utils.errors import ConfigError
from aag_tf.utils.stores import MissingError, Store, StoreError
from aag_tf.utils.stores.failures import ExistsError

SECONDS = 20.0  # of a loaded machine; alone it takes two


def refused(address="s3://bucket/x", error=StoreError):
    began = time.monotonic()
    with pytest.raises(error) as raised:
        Store(address, probing=True).require_bucket()
    assert time.monotonic() - began < SECONDS
    return str(raised.value)


def test_a_missing_bucket(s3):
    assert refused("s3://nowhere/x", MissingError) == (
        "s3://nowhere/x: there is no such bucket; create it, or mend its name."
    )
    for use in (Store("s3://nowhere/x").list, lambda: Store("s3://nowhere/x").write("a", b"1")):
        with pytest.raises(MissingError, match="there is no such bucket"):
            use()


def test_a_bucket_without_the_folder_is_fine(s3):
    Store("s3://bucket/not/there", probing=True).require_bucket()
    Store("s3://bucket", probing=True).require_bucket()
    assert Store("s3://bucket/not/there").list() == {}


def test_no_credentials(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    # Another address of the same server, since fsspec keeps what it has connected to.
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost"))
    assert refused() == (
        "s3://bucket/x: there are no credentials for s3:// (Unable to locate credentials); set AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, as for the AWS command line."
    )


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature differs</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments):
        pass


def test_wrong_credentials(s3, monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        said = refused()
        with pytest.raises(StoreError, match=r"refuses these credentials \(The request signature differs\)"):
            Store("s3://bucket/x", probing=True).list()
    finally:
        server.shutdown()
        server.server_close()
    assert said.startswith("s3://bucket/x: the store refuses these credentials (")
    assert said.endswith(
        "); give them access, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, as for the AWS "
        "command line."
    )


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_no_network(s3, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    said = refused()
    assert said.startswith("s3://bucket/x cannot be reached (Could not connect to the endpoint URL")
    assert said.endswith("); check the address, the network and AWS_ENDPOINT_URL, then try again.")


def test_a_missing_package(monkeypatch):
    assert refused("gs://bucket/x", ConfigError) == (
        "gs://bucket/x needs packages that are not installed here: pip install 'aag-tf[cloud]' gcsfs."
    )
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert refused("s3://bucket/x", ConfigError) == (
        "s3://bucket/x needs packages that are not installed here: pip install 'aag-tf[cloud]'."
    )


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            "foo://b/x",
            "foo://b/x begins with foo://, which is no store that can be used; name a local path, or a URL of ",
        ),
        ("s3:///x", "s3:///x names no bucket; write s3://BUCKET/FOLDER."),
    ],
)
def test_an_address_of_no_store(address, sentence):
    assert refused(address, ConfigError).startswith(sentence)


def test_a_new_object_is_new(s3):
    """A condition of the store, since of two processes both may have looked before."""
    store = Store("s3://bucket/x")
    store.create("a", b"1")
    with pytest.raises(ExistsError):
        store.create("a", b"2")
    assert store.read("a") == b"1"
    assert store.digest("a") == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    with pytest.raises(MissingError):
        store.read("b")
    store.remove("b")
