"""The labeled images: how they are divided, and what is refused in one sentence."""

import numpy as np
import pytest
from tuning_runs import save_shapes, settings, shapes

from aag_tf.config import TuningConfig
from aag_tf.finetuning.encoder import open_encoder
from aag_tf.finetuning.labels import Labeled, open_labels
from aag_tf.utils.errors import AagError, FinetuneError


def opened(run_dir, dataset, **changes):
    config = settings(run_dir, dataset, "unused", **changes)
    return open_labels(config, open_encoder(config))


def test_what_is_beside_the_test_split_is_divided_by_class(run_dir, few):
    labels = opened(run_dir, few)
    # 50 images: a fifth of each class is the test split, a fifth of the rest is held out
    assert labels.counts() == {"train": [20, 8, 4], "held_out": [4, 2, 2], "test": [6, 2, 2]}
    assert (len(labels.train), len(labels.held_out), len(labels.test)) == (32, 8, 10)
    assert labels.class_names == ["0", "1", "2"]
    assert not labels.own_validation
    assert labels.reported_split == "test"
    rows = [tuple(split.images.images.numpy([0]).ravel()) for split in (labels.train, labels.held_out, labels.test)]
    assert len(set(rows)) == 3


def test_a_percentage_of_the_labels_is_drawn_from_each_class_by_the_seed(run_dir):
    draws = [opened(run_dir, None, label_percent=50.0, seed=seed) for seed in (0, 0, 1)]
    assert draws[0].counts() == {"train": [10, 10, 9], "held_out": [2, 2, 3], "test": [6, 6, 6]}
    first, again, other = (draw.train.images.images.numpy(np.arange(29)) for draw in draws)
    assert (first == again).all()
    assert (first != other).any()


def test_a_validation_split_of_the_data_set_itself_is_what_is_held_out(run_dir, tmp_path):
    folder = tmp_path / "pictures"
    from PIL import Image

    for split, count in (("train", 4), ("val", 3), ("test", 2)):
        for label, name in enumerate(("across", "down")):
            (folder / split / name).mkdir(parents=True)
            for number, image in enumerate(shapes([label] * count, seed=count)):
                Image.fromarray(image[..., 0]).save(folder / split / name / f"{number}.png")
    labels = opened(run_dir, f"folder:{folder}")
    assert labels.counts() == {"train": [4, 4], "held_out": [3, 3], "test": [2, 2]}
    assert labels.own_validation
    assert labels.class_names == ["across", "down"]


def test_test_images_of_an_unknown_class_are_wrong_whatever_they_are_taken_for(run_dir, tmp_path):
    dataset = save_shapes(
        tmp_path / "data.npz",
        np.arange(40) % 2,
        test_images=shapes([0, 1, 2]),
        test_labels=np.array([0, 1, 2]),
    )
    labels = opened(run_dir, dataset)
    assert labels.test.owners.tolist() == [0, 1, -1]


def test_a_sample_keeps_the_share_of_each_class(run_dir, few):
    train = opened(run_dir, few).train
    taken = train.take(16)
    assert np.bincount(taken.owners).tolist() == [10, 4, 2]
    assert taken.images.labels.tolist() == taken.owners.tolist()
    assert isinstance(taken, Labeled)
    assert train.take(32) is train


@pytest.mark.parametrize(
    ("labels", "changes", "message"),
    [
        (
            np.repeat([0, 1, 2], [20, 20, 1]),
            {},
            r"^class 2 of npz:.* has 1 labeled image beside the 0 in the test split, and each",
        ),
        (np.zeros(20, np.int64), {}, r"^all 16 labeled images of npz:.* are of class 0; name images of two classes"),
        (
            np.arange(8) % 2,
            {"held_out_fraction": 0.1},
            r"^npz:.* has 7 labeled images beside the test split, of which --held_out_fraction=0.1 holds out none to "
            r"choose by; label more images, or raise it to 0.15\.$",
        ),
    ],
)
def test_labels_that_allow_no_fine_tuning_are_refused(run_dir, tmp_path, labels, changes, message):
    dataset = save_shapes(tmp_path / "data.npz", labels)
    with pytest.raises(FinetuneError, match=message) as refusal:
        opened(run_dir, dataset, **changes)
    assert "\n" not in str(refusal.value)


def test_images_without_labels_are_refused(run_dir, tmp_path):
    np.savez(tmp_path / "data.npz", images=shapes(np.arange(20) % 3))
    with pytest.raises(FinetuneError, match=r"has no labels; name images with labels by --dataset"):
        opened(run_dir, f"npz:{tmp_path / 'data.npz'}")


def test_images_of_other_channels_are_refused(run_dir, tmp_path):
    np.savez(tmp_path / "data.npz", images=np.zeros((20, 8, 8, 5), np.uint8), labels=np.arange(20) % 2)
    with pytest.raises(AagError, match="has images of 5 channels and the encoder takes 1"):
        opened(run_dir, f"npz:{tmp_path / 'data.npz'}")


def test_views_keep_what_the_training_of_the_encoder_switched_off():
    from aag_tf.config import AugmentConfig

    own = AugmentConfig(flip=False, crop_min_area=0.6, color_strength=0.4)
    views = TuningConfig().views(own)
    assert (views.flip, views.crop_min_area, views.color_strength, views.grayscale_probability) == (False, 0.6, 0, 0)
    assert TuningConfig(augment="main").views(own).color_strength == 0.4
    assert not TuningConfig(flip=False).views(AugmentConfig()).flip
