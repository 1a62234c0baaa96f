"""Run directories on a store: uploaded in an order in which a process may be killed at any moment."""

import json

import pytest
from object_store import fail_after, killed_after_each_change, names

from aag_tf.config import TrainConfig
from aag_tf.runs import RunRecord
from aag_tf.runs.checkpoints import CheckpointStore
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.stored_run_directory import KEPT, StoredRunDirectory, training_directory
from aag_tf.utils.cache import cache_directory
from aag_tf.utils.errors import RunDirectoryError
from aag_tf.utils.stores import ClaimedError, MissingError, Store, StoreError, claims

RECORD = RunRecord(config=TrainConfig(), image_shape=(8, 8, 1))
STEPS = 3


@pytest.fixture
def address(memory):
    return f"{memory}/runs/a"


def train(directory, *, resume=False, overwrite=False, steps=STEPS):
    """Does what `open_run` and the callbacks of a run do, with checkpoints of some bytes."""
    directory.check_unlocked()
    directory.check(resume=resume, overwrite=overwrite)
    store = CheckpointStore(directory.checkpoints)
    with directory.locked():
        directory.check(resume=resume, overwrite=overwrite)
        directory.create(overwrite=overwrite)
        if not resume:
            directory.write_record(RECORD)
        directory.write_flags(RECORD.config)
        chosen = store.choose() if resume else None
        store.clear(chosen)
        start = chosen.step if chosen else 0
        lines = directory.metrics.read_text().splitlines()[:start] if start else []
        directory.metrics.write_text("".join(f"{line}\n" for line in lines))
        directory.push()
        for step in range(start + 1, steps + 1):
            with directory.metrics.open("a") as file:
                file.write(json.dumps({"step": step}) + "\n")
            store.write(step, lambda prefix, step=step: [write(f"{prefix}.{part}", step) for part in ("index", "data")])
            store.prune(2)
            directory.push()


def write(path, step):
    with open(path, "w") as file:
        file.write(f"state of step {step}")


def content(address):
    return {name: Store(address).read(name) for name in names(address)}


def steps_of(directory):
    return [json.loads(line)["step"] for line in directory.metrics.read_text().splitlines()]


def test_a_run_is_on_the_store_and_its_working_copy_is_gone(address, tmp_path):
    with training_directory(address) as directory:
        train(directory)
        assert directory.path.is_dir()
    assert list((tmp_path / "cache" / "runs").iterdir()) == []
    assert names(address) == [
        *(
            f"checkpoints/step-{step}/{name}"
            for step in (2, 3)
            for name in ("manifest.json", "state.data", "state.index")
        ),
        *("flags.txt", "metrics.jsonl", "run.json"),
    ]
    copy = RunDirectory(address)
    copy.fetch()
    assert copy.name == address
    assert copy.read_record() == RECORD
    assert CheckpointStore(copy.checkpoints).choose().step == STEPS
    assert steps_of(copy) == [1, 2, 3]


def test_only_what_is_asked_for_is_fetched(address):
    with training_directory(address) as directory:
        train(directory)
    copy = RunDirectory(address)
    copy.fetch(checkpoints=False)
    assert not copy.checkpoints.exists()
    copy.fetch()
    copy.fetch(checkpoints=False)
    assert CheckpointStore(copy.checkpoints).choose().step == STEPS


def test_a_process_may_be_killed_at_any_moment(address, monkeypatch, caplog):
    """After each number of changes to the store what is there is a whole run, which ends as one that was not killed."""
    with training_directory(f"{address}-whole") as directory:
        train(directory)
    expected = content(f"{address}-whole")

    def train_whole():
        with training_directory(address) as directory:
            train(directory)

    kills, found = 0, set()
    for count in killed_after_each_change(monkeypatch, train_whole):
        kills = count + 1
        started = "run.json" in names(address)
        if started:
            reader = RunDirectory(address)
            reader.fetch()
            chosen = CheckpointStore(reader.checkpoints).choose()
            found.add(chosen and chosen.step)
            assert steps_of(reader)[: chosen.step] == list(range(1, chosen.step + 1)) if chosen else True
        with training_directory(address) as directory:
            train(directory, resume=started)
        left = content(address)
        assert {name: left.pop(name) for name in expected} == expected
        assert {name.rpartition("/")[0] for name in left} <= {"checkpoints/step-1"}  # which was not deleted in time
        assert "damaged" not in caplog.text
        with training_directory(address) as directory:
            train(directory, overwrite=True, steps=0)
        for name in names(address):
            Store(address).remove(name)
    assert kills >= 15  # the claim, flags and record, and for each step metrics, three files and what is deleted
    assert found == {None, 1, 2, 3}


def test_an_existing_run_is_refused_without_a_flag(address):
    with training_directory(address) as directory:
        train(directory)
    directory = StoredRunDirectory(address)
    with pytest.raises(RunDirectoryError, match=rf"^--run_dir={address} already exists; add --resume"):
        directory.check()
    directory.check(resume=True)
    with pytest.raises(RunDirectoryError, match=rf"^--run_dir={address}2 holds no run to resume"):
        StoredRunDirectory(f"{address}2").check(resume=True)
    with pytest.raises(RunDirectoryError, match="is an object; name a folder"):
        StoredRunDirectory(f"{address}/run.json").check()


def test_overwrite_deletes_a_run_and_nothing_but_a_run(address):
    with training_directory(address) as directory:
        train(directory)
    others = ["notes.txt", "saved_model/1/model.json"]
    for name in [*others, "events.out.tfevents.1", "projector/labels.tsv", "plugins/profile/x/y", "report.html"]:
        Store(address).write(name, b"x")
    with training_directory(address) as directory:
        train(directory, overwrite=True, steps=0)
    assert names(address) == ["flags.txt", "metrics.jsonl", "notes.txt", "run.json", "saved_model/1/model.json"]

    Store(f"{address}2").write("thesis.tex", b"years of work")
    with pytest.raises(RunDirectoryError, match="not a run's"):
        StoredRunDirectory(f"{address}2").check(overwrite=True)


def test_a_second_process_is_refused(address):
    with training_directory(address) as directory:
        train(directory)
        with (
            directory.locked(),
            pytest.raises(ClaimedError, match=rf"^--run_dir={address} is in use by another process"),
        ):
            StoredRunDirectory(address).check_unlocked()
        StoredRunDirectory(address).check_unlocked()


def test_a_store_that_is_gone_for_a_while_costs_nothing(address, monkeypatch, caplog):
    with training_directory(address) as directory, directory.locked():
        directory.create()
        directory.write_record(RECORD)
        with monkeypatch.context() as patch:
            fail_after(patch, 0)
            directory.push()
        assert f"the store is gone. The run goes on in {directory.path}, and is uploaded when" in caplog.text
        assert "run.json" not in names(address)
    assert names(address) == ["run.json"]


def lose_the_store(address, monkeypatch):
    """Trains a run whose last upload fails; returns its working copy."""
    with training_directory(address) as directory, directory.locked():
        directory.create()
        directory.write_record(RECORD)
        fail_after(monkeypatch, 0)
    return directory.path


def test_what_could_not_be_uploaded_is_kept_and_named(address, monkeypatch):
    monkeypatch.setattr(claims, "_is_alive", lambda process: False)
    with monkeypatch.context() as patch, pytest.raises(RunDirectoryError) as error:
        lose_the_store(address, patch)
    (marker,) = cache_directory().glob(f"runs/*/{KEPT}")
    assert str(error.value) == (
        f"the store is gone. The store lacks the end of the run, which is in {marker.parent}; go on with --resume from "
        "what the store has, or copy that directory there."
    )
    with training_directory(address) as other:
        train(other)
    assert (marker.parent / "run.json").exists()


def test_what_a_killed_process_left_here_is_deleted(address, monkeypatch):
    monkeypatch.setattr(claims, "_is_alive", lambda process: False)
    directory = StoredRunDirectory(address)
    directory.path.mkdir(parents=True)
    (directory.path / ".lock").touch()
    (directory.path / "checkpoint").write_bytes(b"0" * 100)
    with training_directory(address) as other:
        train(other)
    assert not directory.path.exists()


def test_no_run_is_an_error(address):
    with pytest.raises(MissingError):
        RunDirectory(address).fetch()
    Store(address).write("notes.txt", b"x")
    directory = RunDirectory(address)
    directory.fetch()
    with pytest.raises(RunDirectoryError, match=rf"^--run_dir={address} is not a run directory \(it has no run.json\)"):
        directory.read_record()
    assert issubclass(MissingError, StoreError)
