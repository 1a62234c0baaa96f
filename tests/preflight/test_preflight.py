"""What is missing or in the way is refused before TensorFlow is imported, and before anything is decoded."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from aag_tf.config import DataConfig, RunConfig, ScheduleConfig, TrainConfig
from aag_tf.config.encoder_names import APPLICATIONS, OWN_NETWORKS, check_encoder
from aag_tf.data.counting import left_to_train
from aag_tf.preflight import check
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.runs.run_record import RunRecord
from aag_tf.utils.errors import ConfigError, DataError

# Runs commands one after the other as their console scripts do; ends with what none of them may have imported.
SEVERAL = """
import sys
from importlib import import_module
for line in sys.stdin:
    name, *arguments = line.rstrip("\\n").split("\\t")
    sys.argv = ["aag-" + name, *arguments]
    try:
        import_module("aag_tf.commands." + name).run()
    except SystemExit as end:
        print("code", end.code, file=sys.stderr)
print("loaded", [name for name in ("tensorflow", "keras", "tensorflow_datasets") if name in sys.modules])
"""


def refusals(root, *commands):
    environment = os.environ | {"TFDS_DATA_DIR": str(root / "tfds")}
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL],
        input="".join("\t".join(command) + "\n" for command in commands),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=root,
        env=environment,
    )
    assert done.stdout == "loaded []\n", done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * len(commands), done.stderr
    return list(zip(lines[0::2], lines[1::2], strict=True))


@pytest.fixture
def root(tmp_path):
    """A folder of ten pictures, an archive of twenty, a run without and one with a checkpoint, an export, outputs."""
    (tmp_path / "images").mkdir()
    for number in range(10):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "empty").mkdir()
    for name in ("a/x", "a/y", "b/x", "b/y"):
        (tmp_path / "sites" / name).mkdir(parents=True)
        (tmp_path / "sites" / name / "1.png").touch()
    np.savez(tmp_path / "twenty.npz", images=np.zeros((20, 8, 8), np.uint8), labels=np.arange(20) % 2)
    for name, dataset in (("begun", "digits"), ("trained", "folder:gone")):
        run = RunDirectory(tmp_path / name)
        run.create()
        config = TrainConfig(data=DataConfig(dataset), run=RunConfig(run_dir=str(run.path)))
        run.write_record(RunRecord(config=config, image_shape=(8, 8, 1)))
    (tmp_path / "trained" / "checkpoints" / "step-7").mkdir(parents=True)
    (tmp_path / "served" / "1").mkdir(parents=True)
    (tmp_path / "served" / "1" / "saved_model.pb").touch()
    (tmp_path / "mine.html").write_text("mine")
    (tmp_path / "tfds" / "cifar10").mkdir(parents=True)
    return tmp_path


def test_nothing_of_tensorflow_is_needed_to_refuse(root):
    cases = {
        ("train", "--dataset=folder:missing"): "missing is not a folder; --dataset=folder:<path> names a tree of image "
        "files.",
        ("train", "--dataset=folder:empty"): "empty has no image files; their names end in ",
        (
            "train",
            "--dataset=folder:sites",
        ): "2 sub-folders of folder:sites (a, b) hold the same sub-folders (x, y), so ",
        ("train", "--dataset=folder:mine.html"): "mine.html is a file and not a folder; did you mean ",
        ("train", "--dataset=list:missing"): "missing is not a file; --dataset=list:<path> names a text ",
        ("train", "--dataset=csv:mine.html"): "mine.html begins with mine, and no column is known to have paths ",
        ("train", "--dataset=tar:missing"): "tar:missing names no archive; name a .tar file, ",
        ("train", "--dataset=digits,folder:missing"): "missing is not a folder; ",
        ("evaluate", "--run_dir=trained", "--dataset=folder:sites"): "2 sub-folders of folder:sites (a, b) hold the ",
        ("embed", "--saved_model=served", "--input=tar:missing", "--output=new"): "tar:missing names no archive; ",
        ("train", "--dataset=npz:missing.npz"): "missing.npz is not a file; ",
        ("train", "--dataset=tfds:cifar01"): f"tfds:cifar01 is not prepared in {root}/tfds; did you mean tfds:cifar10? "
        "Where there is a network, add --download or run `tfds build cifar01`, ",
        ("train", "--monitor_dataset=folder:missing"): "missing is not a folder; ",
        ("train", "--encoder=resnet19"): "--encoder=resnet19 is not known; did you mean resnet18",
        ("train", "--init_from=missing"): "--init_from=missing does not exist; name a run directory, an export, ",
        ("train", "--init_from=missing.keras"): "--init_from=missing.keras does not exist; ",
        ("train", "--init_from=mine.html"): "--init_from=mine.html is nothing to start from; ",
        ("train", "--init_from=begun"): "begun has no checkpoint yet; ",
        ("train", "--init_from=trained", "--encoder=own", "--run_dir=trained", "--overwrite"): "--init_from=trained is "
        "the --run_dir itself; ",
        ("train", "--init_from=imagenet"): "--init_from=imagenet is for models of keras.applications, and ",
        ("train", "--init_from=imagenet", "--encoder=VGG16"): "--init_from=imagenet finds no weights of VGG16 ",
        ("train", "--extend=missing"): "--extend=missing is no run; name the --run_dir of a run with ",
        ("train", "--extend=trained"): "--extend=trained goes on at the constant learning rate of --lr_schedule=wsd, ",
        ("train", "--layer_decay=0.8"): "--layer_decay=0.8 is for weights that were trained before; ",
        ("train", "--dataset=folder:images"): "--global_batch_size=64 is more than the 9 training images; use 9 or "
        "less.",
        ("train", "--dataset=npz:twenty.npz"): "--global_batch_size=64 is more than the 15 training images; use 15 or "
        "less.",
        ("train", "--run_dir=begun"): "--run_dir=begun already exists; add --resume",
        ("train", "--run_dir=new", "--resume"): "--run_dir=new holds no run to resume; ",
        ("train", "--run_dir=mine.html"): "--run_dir=mine.html is a file; ",
        ("evaluate", "--run_dir=missing"): "--run_dir=missing does not exist; ",
        ("evaluate", "--run_dir=begun"): "begun has no checkpoint yet; ",
        ("evaluate", "--run_dir=trained"): "gone is not a folder; ",
        ("evaluate", "--run_dir=trained", "--dataset=npz:missing"): "missing is not a file; ",
        ("evaluate", "--saved_model=images"): "images holds no SavedModel ",
        ("evaluate", "--keras_model=mine.html", "--dataset=digits"): "--keras_model=mine.html is not a .keras file; ",
        ("evaluate", "--train_features=a.npz", "--test_features=b.npz"): "a.npz is not a file; ",
        ("evaluate", "--compare", "missing", "begun"): "missing does not exist; ",
        ("evaluate", "--saved_model=served", "--output=missing/a.json"): "missing/a.json cannot be written; ",
        ("export", "--run_dir=missing", "--export_dir=new"): "--run_dir=missing does not exist; ",
        ("export", "--run_dir=begun", "--export_dir=new"): "begun has no checkpoint yet; ",
        ("export", "--run_dir=trained", "--export_dir=new"): "the images of the run, which verify the export, "
        "cannot be read: gone is not a folder; give the command in the directory of the training, from which that path "
        "goes, or put them back, or export without them, with --noverify.",
        ("export", "--run_dir=trained", "--export_dir=served", "--version=1"): "served/1 exists; ",
        ("export", "--run_dir=trained", "--export_dir=mine.html"): "--export_dir=mine.html cannot be written; ",
        ("embed", "--saved_model=images", "--input=images", "--output=new"): "images holds no SavedModel ",
        ("embed", "--saved_model=served", "--input=missing", "--output=new"): "--input=missing is neither a folder ",
        ("embed", "--saved_model=served", "--input=folder:missing", "--output=new"): "--input=folder:missing is not a ",
        ("embed", "--saved_model=served", "--input=tfds:mnist/test", "--output=new"): "tfds:mnist is not prepared in ",
        ("embed", "--saved_model=served", "--input=images", "--output=images"): "--output=images already exists; ",
        ("embed", "--saved_model=served", "--input=images", "--output=new", "--resume"): "--output=new holds nothing ",
        ("predict", "--saved_model=images", "--input=images", "--output=new"): "images holds no SavedModel ",
        ("predict", "--saved_model=served", "--input=missing", "--output=new"): "--input=missing is neither a folder ",
        ("predict", "--saved_model=served", "--input=images", "--output=images"): "--output=images already exists; ",
        ("export", "--classifier=images", "--export_dir=new"): "images was not written by aag-finetune (it has no ",
        ("search", "--embeddings=missing", "--like=0"): "missing is no directory; ",
        ("search", "--embeddings=images", "--like=0"): "images was not written by aag-embed (it has no ",
        ("search", "--embeddings=images", "--like=0", "--gallery=mine.html"): "--gallery=mine.html is a file that ",
        ("augment", "--out=missing/a.png"): "--out=missing/a.png is in a directory that does not exist; ",
        ("augment", "--dataset=folder:missing", "--out=a.png"): "missing is not a folder; ",
    }
    for (command, expected), (said, code) in zip(cases.items(), refusals(root, *cases), strict=True):
        assert said.startswith(f"aag-{command[0]}: {expected}"), command
        assert code in ("code 1", "code 2"), command
    assert not (root / "new").exists()


def test_what_is_there_is_not_refused(root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setenv("TFDS_DATA_DIR", str(root / "tfds"))
    small = ScheduleConfig(global_batch_size=9)
    for dataset in ("digits", "folder:images", "npz:twenty.npz", "tfds:cifar10", "tfds:cifar10:3.0.2"):
        check(TrainConfig(data=DataConfig(dataset), schedule=small))
    check(TrainConfig(data=DataConfig("tfds:mnist", download=True), schedule=small))
    check(TrainConfig(data=DataConfig("tfds:mnist", data_dir="gs://bucket"), schedule=small))
    with pytest.raises(ConfigError, match="more than the 10 training images"):
        check(TrainConfig(data=DataConfig("folder:images", validation_fraction=0.0)))


def test_names_of_encoders_are_those_of_keras_and_of_this_package():
    from aag_tf.encoders import RESNETS
    from aag_tf.encoders.applications import application_names

    assert sorted(APPLICATIONS) == application_names()
    assert set(OWN_NETWORKS) <= set(RESNETS)
    check_encoder("efficientnetv2b0")
    with pytest.raises(ConfigError, match="--encoder=EfficientNetB9 is not known; did you mean EfficientNetB"):
        check_encoder("EfficientNetB9")


@pytest.mark.parametrize("labeled", [True, False])
@pytest.mark.parametrize("own", [set(), {"validation"}, {"test"}, {"validation", "test"}])
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.29])
def test_the_images_that_are_left_are_counted_as_they_are_split(labeled, own, fraction):
    from aag_tf.data import ArrayImages, Source, Split
    from aag_tf.data.splits import complete

    def split(count):
        return Split(ArrayImages(np.zeros((count, 1, 1, 1), np.uint8)), np.arange(count) % 2 if labeled else None)

    source = complete(Source("digits", split(57), **{name: split(5) for name in own}), fraction)
    assert len(source.train) == left_to_train(57, {"train", *own}, fraction, labeled=labeled)


def test_a_folder_of_splits_is_counted_without_the_other_splits(root):
    for split in ("train", "test"):
        for number in range(10):
            path = root / "parts" / split / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    data = DataConfig(f"folder:{root / 'parts'}")
    check(TrainConfig(data=data, schedule=ScheduleConfig(global_batch_size=9)))
    with pytest.raises(ConfigError, match="--global_batch_size=10 is more than the 9 training images"):
        check(TrainConfig(data=data, schedule=ScheduleConfig(global_batch_size=10)))
    (root / "parts" / "train").rename(root / "parts" / "other")
    (root / "parts" / "train").mkdir()
    (root / "parts" / "other").rename(root / "elsewhere")
    with pytest.raises(DataError, match="parts has only `test` and no images to train on; to take these images as "):
        check(TrainConfig(data=data))
