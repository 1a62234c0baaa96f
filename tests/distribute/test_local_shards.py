"""Several machines that each have some files of a pack: how they are dealt, in which order images come, a run."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from processes import aag_train, finish

from aag_tf import config as configs
from aag_tf.config import DataConfig, PackConfig, ScheduleConfig, TrainConfig
from aag_tf.data import ShardList, deal, epoch_order, open_partly, open_source, part_of, train_counts, training_batches
from aag_tf.packing.pack import pack
from aag_tf.runs.run import load_run
from aag_tf.utils.errors import ConfigError, DataError
from aag_tf.utils.progress import no_progress

from .test_workers import losses, settings, start_all  # noqa: F401 - a fixture

COUNT, SHARD = 60, 10
HELD = ([0, 1, 2], [2, 3, 4, 5])  # files of each machine; the third is dealt to the first, which has fewer images


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Folders of two machines, each with a part of one pack by the same name, and the whole pack."""
    root = tmp_path_factory.mktemp("machines")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 8, 8, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(COUNT)  # tells which image it is
    np.savez(root / "x.npz", images=images, labels=np.arange(COUNT) % 3)
    with no_progress():
        config = PackConfig(output=str(root / "whole"), shard_size=SHARD, data=DataConfig(f"npz:{root / 'x.npz'}"))
        pack(config)
    for number, held in enumerate(HELD):
        copy = shutil.copytree(root / "whole", root / str(number) / "pack")
        for shard, path in enumerate(sorted(copy.glob("pack-train*"))):
            if shard not in held:
                path.unlink()
    return root


def parts(machines):
    """What each machine opens: all splits, their files, and those that it has."""
    opened = [open_partly(DataConfig(f"pack:{machines / str(number) / 'pack'}")) for number in (0, 1)]
    return [(source, shards, shards.present()) for source, shards in opened]


def numbers(images):
    return images.numpy(np.arange(len(images)))[:, 0, 0, 0].tolist()


def test_files_are_dealt_to_machines_that_have_them(machines):
    opened = parts(machines)
    present = np.stack([here for *_, here in opened])
    assert present.tolist() == [[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]]
    dealt = deal(opened[0][1], present)
    assert dealt == deal(opened[1][1], present) == [[0, 1, 2], [3, 4, 5]]
    whole = open_source(DataConfig(f"pack:{machines / 'whole'}"))
    own = [part_of(source, dealt[number], here) for number, (source, _, here) in enumerate(opened)]
    for role in ("train", "validation", "test"):
        expected = numbers(getattr(whole, role).images)
        for number, each in enumerate(own):
            held = dealt[number] if role == "train" else HELD[number]
            found = getattr(each, role)
            assert numbers(found.images) == [image for image in expected if image // SHARD in held]
            assert found.labels.tolist() == [image % 3 for image in numbers(found.images)]
    counts = train_counts(opened[0][0], dealt)
    assert counts == [len(each.train) for each in own]
    assert sum(counts) == len(whole.train)


def shard_list(images, train=None):
    paths = [Path(f"packs/mine/pack-train-{number}") for number in range(len(images))]
    return ShardList(paths, images, train or [True] * len(images), "")


def test_of_several_owners_the_one_with_fewest_images_gets_a_file():
    everywhere = np.ones((3, 7), np.int64)
    assert deal(shard_list([5] * 6 + [1]), everywhere) == [[0, 3, 6], [1, 4], [2, 5]]
    only_some = np.array([[1, 1, 1, 1], [0, 0, 0, 1]])
    assert deal(shard_list([9, 9, 9, 9], [True, False, True, True]), only_some) == [[0, 2], [3]]


def test_a_file_that_no_machine_has_is_named():
    with pytest.raises(
        DataError, match=r"1 file of the pack, pack-train-2, is on no machine; copy .* into packs/mine,"
    ):
        deal(shard_list([1, 1, 1]), np.array([[1, 0, 0], [0, 1, 0]]))
    with pytest.raises(
        DataError, match=r"5 files of the pack, pack-train-0, pack-train-1, pack-train-2, \.\.\., are on"
    ):
        deal(shard_list([1] * 5), np.zeros((2, 5), np.int64))


def batches(images, counts, index, **settings):
    usual = {"global_batch_size": 8, "seed": 3, "start_step": 0, "num_steps": 12}
    found = training_batches(images, part=(index, 2), counts=counts, **usual | settings)
    return list(found.as_numpy_iterator())


def test_each_machine_visits_its_images_in_an_order_of_its_own(machines):
    opened = parts(machines)
    dealt = [[0, 1, 2], [3, 4, 5]]
    own = [part_of(source, dealt[number], here) for number, (source, _, here) in enumerate(opened)]
    counts = [len(each.train) for each in own]
    steps = min(counts) // 4
    for index, each in enumerate(own):
        found = batches(each.train.images, counts, index)
        assert [batch["step"].tolist() for batch in found] == [[step] * 4 for step in range(12)]
        assert all(batch["row"].tolist() == list(range(4 * index, 4 * index + 4)) for batch in found)
        seen = [batch["image"][:, 0, 0, 0].tolist() for batch in found]
        epochs = [np.concatenate(seen[start : start + steps]).tolist() for start in (0, steps)]
        for epoch in epochs:
            assert len(set(epoch)) == 4 * steps
            assert set(epoch) <= set(numbers(each.train.images))
        assert epochs[0] != epochs[1]
        again = batches(each.train.images, counts, index, start_step=steps + 1, num_steps=3)
        assert [batch["image"][:, 0, 0, 0].tolist() for batch in again] == seen[steps + 1 : steps + 4]
        assert epochs[0] != [numbers(each.train.images)[row] for row in epoch_order(counts[index], 3, 0)][: 4 * steps]
    with pytest.raises(ConfigError, match=r"takes 30 images from each machine, and worker 1 has 21; use 42 or less"):
        batches(own[0].train.images, counts, 0, global_batch_size=60)


def test_a_flag_for_packs_and_several_machines():
    with pytest.raises(ConfigError, match="--local_shards is for the files of one pack, and --dataset=digits is none"):
        TrainConfig(schedule=ScheduleConfig(local_shards=True))


def train_in(directory, *flags):
    """Runs `aag-train` in a folder, which is another disk for each machine."""
    os.chdir(directory)
    aag_train(*flags)


def test_a_run_on_machines_with_half_of_the_files(machines, tmp_path, start_all):  # noqa: F811
    here = shutil.copytree(machines, tmp_path / "machines")
    config = settings(tmp_path / "run", train_steps=4, global_batch_size=16)
    run = dataclasses.replace(config.run, knn_every_epochs=1)
    config = dataclasses.replace(config, data=DataConfig("pack:pack"), run=run)
    flags = [*configs.flag_lines(config), "--local_shards"]

    def start(*more):
        return finish(start_all(train_in, tmp_path / "run", [[here / name, *flags, *more] for name in "01"]))

    codes, messages = start()
    assert codes == [0, 0], messages
    record = load_run(str(tmp_path / "run")).record
    assert record.local_shards["workers"] == [[0, 1, 2], [3, 4, 5]]
    assert (record.fingerprint, record.num_train_images) == (
        None,
        len(open_source(DataConfig(f"pack:{machines / 'whole'}")).train),
    )
    found = losses(tmp_path / "run")
    assert sorted(found) == [1, 2, 3, 4]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert any("knn_accuracy" in row for row in rows)
    for number, message in enumerate(messages):
        assert f"worker {number} trains on 2" in message
        assert "in 3 files on its disk (--local_shards)" in message

    # The same files go on with the run, and others do not.
    codes, messages = start("--resume")
    assert codes == [0, 0], messages
    moved = sorted((here / "0" / "pack").glob("pack-train*"))[0]
    moved.rename(here / "1" / "pack" / moved.name)
    codes, messages = start("--resume")
    assert codes[0] == 1, messages
    assert (
        "--resume with --local_shards needs the files of the pack on the machines that had them: worker 0 trained on "
        "the files 0, 1, 2 of its train split, and would now on 1, 2; move them back, or start a new --run_dir."
    ) in " ".join(messages[0].split())
    assert "Traceback" not in messages[0]
