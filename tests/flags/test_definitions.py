"""The flags that are generated from the settings."""

import pytest
from absl import flags as absl_flags

from aag_tf import config as configs
from aag_tf import flags
from aag_tf.config import EvaluateConfig, FinetuneConfig, PredictConfig, TrainConfig
from aag_tf.flags.commands import COMMANDS

SHARED = {"flagfile", "help", "helpfull"}  # what a command line has beside settings
EXTRA = {
    TrainConfig: {"recipe"},
    FinetuneConfig: {"recipe"},
    EvaluateConfig: {"floors"},
    PredictConfig: {"dataset"},
}


def defined(config_type):
    flag_values = absl_flags.FlagValues()
    flags.define(config_type, flag_values)
    return flag_values


@pytest.mark.parametrize("config_type", COMMANDS.values(), ids=COMMANDS)
def test_every_setting_has_one_flag_with_its_default_and_type(config_type):
    flag_values, settings = defined(config_type), configs.leaves(config_type)
    assert set(flag_values) == set(settings) | SHARED | EXTRA.get(config_type, set())
    samples = {int: "3", float: "0.5", bool: "true", str: "text"}
    for name, setting in settings.items():
        flag = flag_values[name]
        assert (flag.default, type(flag.default)) == (setting.default, type(setting.default)), name
        assert type(flag.parser.parse(samples[setting.kind])) is setting.kind, name


@pytest.mark.parametrize("config_type", COMMANDS.values(), ids=COMMANDS)
def test_every_help_text_teaches(config_type):
    for name, setting in configs.leaves(config_type).items():
        assert len(setting.help.split()) >= 5, f"--{name}: {setting.help}"
        assert setting.help.endswith("."), f"--{name}: {setting.help}"


@pytest.mark.parametrize("config_type", COMMANDS.values(), ids=COMMANDS)
def test_names_are_flags_of_their_own(config_type):
    groups = configs.groups(config_type).values()
    names = [known for group in groups for name, setting in group.items() for known in (name, *setting.aliases)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("config_type", COMMANDS.values(), ids=COMMANDS)
def test_a_default_is_allowed(config_type):
    for name, setting in configs.leaves(config_type).items():
        if not setting.required:
            setting.check(name, setting.default)
