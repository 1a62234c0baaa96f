"""Every recipe is a valid call of its command, says how to run it, and writes where its name says."""

import pytest

from aag_tf import flags
from aag_tf.config import EvaluateConfig, FinetuneConfig, TrainConfig, leaves

RECIPES = flags.recipes()
FINETUNE = flags.recipes(FinetuneConfig)
ALL = [("aag-train", TrainConfig, path) for path in RECIPES.values()]
ALL += [("aag-finetune", FinetuneConfig, path) for path in FINETUNE.values()]
PAPER = {"cifar10": "tfds:cifar10", "cifar100": "tfds:cifar100", "svhn": "tfds:svhn_cropped"}


def config_of(name, config_type=TrainConfig):
    return flags.parse(["aag", f"--recipe={name}"], config_type, usage="")


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
    assert sorted(FINETUNE) == ["finetune_cifar10", "finetune_fashion"]
    assert flags.recipes(EvaluateConfig) == {}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_a_training_in_its_own_run_directory(name):
    config = config_of(name)
    assert config.run.run_dir == f"runs/{name}"
    assert (config.run.resume, config.run.overwrite, config.data.download) == (False, False, False)
    assert config.data.data_dir is None, "recipes run on every machine"
    assert config.schedule.precision == "auto", "and as fast as each can"


@pytest.mark.parametrize("name", FINETUNE)
def test_a_classifier_starts_from_the_run_of_a_recipe_on_the_same_images(name):
    config = config_of(name, FinetuneConfig)
    assert config.output == f"classifiers/{name}"
    assert (config.resume, config.overwrite, config.download, config.data_dir) == (False, False, False, None)
    encoder = config_of(config.init_from.removeprefix("runs/"))
    assert encoder.run.run_dir == config.init_from
    assert encoder.data.dataset == config.dataset
    assert f"\n# Needs:   {config.init_from}, which aag-train --recipe=" in FINETUNE[name].read_text()


@pytest.mark.parametrize(("command", "config_type", "path"), ALL)
def test_a_recipe_opens_with_what_it_is_its_command_cost_and_figure(command, config_type, path):
    text = path.read_text()
    headline = text.splitlines()[0]
    assert headline.startswith("# ")
    assert headline.endswith(".")
    for part in (f"\n# Run:     {command} --recipe={path.stem}\n", "\n# Cost:    ", "\n# Reaches: "):
        assert part in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(("command", "config_type", "path"), ALL)
def test_a_recipe_sets_a_flag_once_and_only_settings(command, config_type, path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    settings = leaves(config_type)
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
