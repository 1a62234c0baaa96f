"""Checkpoints on disk: whole or absent, verified before use, kept by number and by kNN accuracy."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.utils.errors import RunDirectoryError


def write(store, step, accuracy=None):
    def write_state(prefix):
        Path(f"{prefix}.index").write_bytes(b"names" * 20)
        Path(f"{prefix}.data-00000-of-00001").write_bytes(f"weights of step {step}".encode() * 100)

    return store.write(step, write_state, knn_accuracy=accuracy)


@pytest.fixture
def store(tmp_path):
    found = CheckpointStore(tmp_path / "checkpoints")
    for step in (1, 2, 10):
        write(found, step)
    return found


def steps(store):
    return [checkpoint.step for checkpoint in store.all()]


def names(store):
    return sorted(path.name for path in store.directory.iterdir())


def test_the_newest_is_taken_by_number_and_not_by_name(store):
    assert steps(store) == [1, 2, 10]
    assert store.choose().prefix == store.directory / "step-10" / "state"


def test_where_there_is_none_none_is_chosen(tmp_path):
    store = CheckpointStore(tmp_path / "absent")
    assert store.choose() is None
    store.clear(None)
    assert not store.directory.exists()


def flip_bit(path, position=37):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def other_step(manifest):
    manifest.write_text(manifest.read_text().replace('"step": 10', '"step": 11'))


def of_step_2(manifest):
    shutil.copy(manifest.parent.with_name("step-2") / manifest.name, manifest)


DATA = "state.data-00000-of-00001"
DAMAGES = {
    "truncated": (DATA, lambda path: path.write_bytes(path.read_bytes()[:-1]), "1,799 of 1,800 bytes"),
    "bit flipped in the data": (DATA, flip_bit, f"{DATA} is not as it was written"),
    "bit flipped in the index": ("state.index", flip_bit, "state.index is not as it was written"),
    "missing": ("state.index", Path.unlink, "state.index is missing"),
    "no manifest": ("manifest.json", Path.unlink, "manifest.json is missing"),
    "half a manifest": ("manifest.json", lambda path: path.write_text(path.read_text()[:40]), "is no manifest"),
    "other step in the manifest": ("manifest.json", other_step, "manifest.json is not as it was written"),
    "manifest of another step": ("manifest.json", of_step_2, "is that of step 2"),
    "other format": ("manifest.json", lambda path: path.write_text("[]"), "is no manifest"),
}


@pytest.mark.parametrize(("name", "damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(store, name, damage, words, caplog):
    damage(store.directory / "step-10" / name)
    assert store.choose().step == 2
    said = [record.getMessage() for record in caplog.records]
    assert "step 10 is damaged" in said[0]
    assert words in said[0]
    assert said[1] == "falling back to the checkpoint of step 2"


def test_all_damaged_is_one_sentence_and_nothing_is_deleted(store):
    for step in (1, 2, 10):
        flip_bit(store.directory / f"step-{step}" / DATA)
    with pytest.raises(RunDirectoryError, match=r"step 10: .*; step 2: .*; step 1: .*--overwrite") as refusal:
        store.choose()
    assert "\n" not in str(refusal.value)
    assert steps(store) == [1, 2, 10]


def test_going_on_clears_the_damaged_and_the_unfinished_away(store):
    flip_bit(store.directory / "step-10" / DATA)
    (store.directory / ".unfinished-step-12").mkdir()
    (store.directory / ".unfinished-step-12" / DATA).write_text("half of it")
    store.clear(store.choose())
    assert names(store) == ["step-1", "step-2"]


def test_a_write_that_fails_leaves_the_others_and_no_litter(store):
    def no_space(prefix):
        Path(f"{prefix}.index").write_text("half of it")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.write(12, no_space)
    assert names(store) == ["step-1", "step-10", "step-2"]


@pytest.mark.parametrize(
    ("step", "after"),
    [
        (12, ["step-1", "step-10", "step-12", "step-2"]),
        (10, [".unfinished-deletion-of-step-10", "step-1", "step-10", "step-2"]),  # what it replaces goes last
    ],
)
def test_a_checkpoint_is_whole_on_the_disk_before_it_has_its_name(store, on_fsync, step, after):
    before = sorted([f".unfinished-step-{step}", *names(store)])
    synced = []
    on_fsync(lambda path: synced.append((path, names(store))))
    unfinished = store.directory / f".unfinished-step-{step}"
    write(store, step)
    manifest, _ = synced[2]
    assert manifest.name.startswith(".manifest.json.")  # renamed when it is whole
    assert synced == [
        (unfinished / DATA, before),
        (unfinished / "state.index", before),
        (manifest, before),
        (unfinished, before),  # the names in it, once the manifest is there
        (store.directory, after),
    ]


def test_a_checkpoint_of_the_same_step_is_replaced(store):
    flip_bit(store.directory / "step-10" / DATA)
    write(store, 10)
    assert store.choose().step == 10
    assert names(store) == ["step-1", "step-10", "step-2"]


def test_the_newest_and_the_best_are_kept(store):
    write(store, 20, accuracy=0.8)
    write(store, 30, accuracy=0.9)
    write(store, 40, accuracy=0.7)
    write(store, 50)
    store.prune(2)
    assert steps(store) == [30, 40, 50]
    assert store.best_accuracy() == 0.9
    assert store.choose("best").step == 30
    assert store.choose("latest").step == 50


def test_a_damaged_best_falls_back_to_the_next_best(store, caplog):
    for step, accuracy in ((20, 0.8), (30, 0.9), (40, 0.7)):
        write(store, step, accuracy)
    flip_bit(store.directory / "step-30" / DATA)
    assert store.choose("best").step == 20
    assert "step 30 is damaged" in caplog.text


def test_best_needs_a_measured_accuracy(store):
    with pytest.raises(RunDirectoryError, match=r"--checkpoint=latest.*--knn_every_epochs"):
        store.choose("best")


def fail_to_read(broken, monkeypatch):
    open_path = Path.open

    def fail(path, *arguments, **more):
        if path == broken:
            raise OSError(errno.EIO, "Input/output error")
        return open_path(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", fail)


def test_nothing_is_deleted_while_a_manifest_cannot_be_read(store, monkeypatch, caplog):
    write(store, 20, accuracy=0.9)
    write(store, 30, accuracy=0.8)
    with monkeypatch.context() as patch:
        fail_to_read(store.directory / "step-20" / "manifest.json", patch)
        store.prune(1)
        assert steps(store) == [1, 2, 10, 20, 30]
        assert "old checkpoints are kept for now: the checkpoint of step 20" in caplog.text
        with pytest.raises(RunDirectoryError, match=r"step 20 .* cannot be read now"):
            store.choose("best")
    store.prune(1)
    assert steps(store) == [20, 30]


@pytest.mark.parametrize("name", ["manifest.json", DATA])
def test_a_checkpoint_that_cannot_be_read_now_is_not_passed_over(store, name, monkeypatch):
    fail_to_read(store.directory / "step-10" / name, monkeypatch)
    with pytest.raises(RunDirectoryError, match=r"step 10 .* cannot be read now \(Input/output error\)"):
        store.choose()
    assert steps(store) == [1, 2, 10]


def test_the_manifest_has_what_sha256sum_gives(store):
    manifest = json.loads((store.directory / "step-1" / "manifest.json").read_text())
    assert manifest["files"]["state.index"] == {
        "bytes": 100,
        # printf 'names%.0s' {1..20} | sha256sum
        "sha256": "f80822648765ea70f59dac3060b573ce0e18228e2c3ad37bb35491f8c4911710",
    }
