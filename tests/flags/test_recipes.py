"""Every recipe is a valid training, says how to run it, and writes where its name says."""

import pytest

from aag_tf import flags
from aag_tf.config import TrainConfig, leaves

RECIPES = flags.recipes()
PAPER = {"cifar10": "tfds:cifar10", "cifar100": "tfds:cifar100", "svhn": "tfds:svhn_cropped"}


def config_of(name):
    return flags.parse(["aag-train", f"--recipe={name}"], TrainConfig, usage="")


def test_the_recipes_that_ship():
    assert sorted(RECIPES) == [
        "cifar10",
        "cifar100",
        "cifar10_cpu",
        "cifar10_overnight",
        "demo",
        "fashion_mnist",
        "svhn",
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_training_in_its_own_run_directory(name):
    config = config_of(name)
    assert config.run.run_dir == f"runs/{name}"
    assert (config.run.resume, config.run.overwrite, config.data.download) == (False, False, False)
    assert config.data.data_dir is None, "recipes run on every machine"
    assert config.schedule.precision == "auto", "and as fast as each can"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_opens_with_what_it_is_its_command_cost_and_figure(name):
    text = RECIPES[name].read_text()
    headline = text.splitlines()[0]
    assert headline.startswith("# ")
    assert headline.endswith(".")
    for part in (f"\n# Run:     aag-train --recipe={name}\n", "\n# Cost:    ", "\n# Reaches: "):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_a_flag_once_and_only_settings(name):
    lines = [line for line in RECIPES[name].read_text().splitlines() if line and not line.startswith("#")]
    settings = leaves(TrainConfig)
    names = []
    for line in lines:
        assert line.startswith("--"), line
        flag = line[2:].partition("=")[0]
        names.append(flag if flag in settings else flag.removeprefix("no"))
    assert len(set(names)) == len(names)
    assert set(names) <= set(settings)


@pytest.mark.parametrize(("name", "dataset"), PAPER.items())
def test_the_papers_setting(name, dataset):
    config = config_of(name)
    assert config.data.dataset == dataset
    assert config.schedule.global_batch_size == 64
    assert (config.encoder.encoder, config.encoder.stem, config.encoder.width) == ("resnet50", "small", 1.0)
    assert config.loss.coupling == 0
