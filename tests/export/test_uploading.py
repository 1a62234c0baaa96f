"""Versions on an object store are whole, or no reader takes them for versions."""

import functools

import pytest
from object_store import fail_after, killed_after_each_change, names

from aag_tf.export.publishing import staged
from aag_tf.export.uploading import OWN
from aag_tf.preflight.export import plan_version
from aag_tf.runs.export_directory import version_directory
from aag_tf.utils import stores
from aag_tf.utils.errors import ExportError
from aag_tf.utils.scratch import scratch_directory
from aag_tf.utils.stores import ClaimedError, Store, StoreError

FILES = {
    "model.json": "{}",
    "saved_model.pb": "graph",
    "variables/variables.index": "index",
    "variables/data": "weights",
}


@pytest.fixture
def models(memory):
    return f"{memory}/models"


def publish(models, content=FILES, *, version=None, overwrite=False):
    """Publishes some files as `export` does; returns the address."""
    target = plan_version(models, version, overwrite=overwrite)
    with staged(target, overwrite=overwrite) as directory:
        for name, text in content.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)
    return stores.named(target)


def read(directory):
    return {path.relative_to(directory).as_posix(): path.read_text() for path in directory.rglob("*") if path.is_file()}


def test_versions_are_numbered_and_the_newest_is_read(models, tmp_path):
    assert publish(models) == f"{models}/1"
    assert publish(models, FILES | {"model.json": "new"}) == f"{models}/2"
    assert names(models) == sorted(f"{number}/{name}" for number in (1, 2) for name in FILES)
    assert read(version_directory(models)) == FILES | {"model.json": "new"}
    assert read(version_directory(f"{models}/1")) == FILES
    assert not list((tmp_path / "cache" / "exports").iterdir())
    with pytest.raises(ExportError, match=rf"^{models}/1 exists; leave --version out"):
        publish(models, version=1)


def test_a_reader_sees_a_version_only_when_it_is_whole(models, monkeypatch):
    """After each number of changes to the store: no version, or all of one; the next export repairs what is left."""
    old = FILES | {"old.txt": "old"}
    for version, before in ((None, {}), (1, old)):

        def prepare(before=before):
            for name in names(models):
                Store(models).remove(name)
            if before:
                publish(models, before)

        act = functools.partial(publish, models, version=version, overwrite=version is not None)
        seen = []
        for _ in killed_after_each_change(monkeypatch, act, prepare):
            try:
                found = read(version_directory(models))
                assert found in (FILES, before)
            except ExportError:
                found = None
            seen.append(found)
            publish(models, version=1, overwrite=True)
            assert read(version_directory(models)) == FILES
        assert len(seen) >= len(FILES) + len(before)
        assert None in seen
        assert FILES in seen  # killed before it gave back its claim


def test_what_a_killed_upload_left_is_no_version(models):
    Store(models).write("1/variables/data", b"half")
    Store(models).write("1/old", b"x")
    with pytest.raises(ExportError, match="holds no SavedModel"):
        version_directory(models)
    assert publish(models) == f"{models}/1"
    assert names(models) == sorted(f"1/{name}" for name in FILES)


def test_the_working_copy_of_a_killed_upload_is_deleted_by_the_next(models, tmp_path):
    left, other = (tmp_path / "cache" / "exports" / name for name in ("export-01234567", "mine"))
    for path in (left, other):
        path.mkdir(parents=True)
    with scratch_directory(left.parent, "export-", OWN) as living:
        left.mkdir(exist_ok=True)  # after this process looked for it
        publish(models)
        assert sorted(left.parent.iterdir()) == sorted([living, other])


def test_a_store_that_fails_leaves_no_version(models, monkeypatch):
    with monkeypatch.context() as patch:
        fail_after(patch, 3)
        with pytest.raises(StoreError, match=r"^the store is gone\.$"):
            publish(models)
    with pytest.raises(ExportError, match="holds no SavedModel"):
        version_directory(models)


def test_what_differs_when_it_is_read_back_is_not_published(models, monkeypatch):
    upload = Store.upload

    def damaging(self, path, name):
        upload(self, path, name)
        if name == "variables/data":
            self.write(name, b"weightz")

    monkeypatch.setattr(Store, "upload", damaging)
    with pytest.raises(ExportError) as error:
        publish(models)
    assert str(error.value) == (
        f"{models}/1/variables/data is not what was uploaded when it is read back; nothing was published."
    )
    assert names(models) == []


def test_two_exports_do_not_mix(models):
    late = staged(plan_version(models, None, overwrite=False), overwrite=False)
    (late.__enter__() / "saved_model.pb").write_text("late")
    publish(models)
    with pytest.raises(ExportError, match=r"models/1 was written by another export meanwhile"):
        late.__exit__(None, None, None)
    assert read(version_directory(models)) == FILES
    with stores.Claim(Store(models), "it").held(), pytest.raises(ClaimedError):
        publish(models)
