"""Flags and config dataclasses say the same thing: one flag a setting, with its default and its type."""

import dataclasses
import re
import typing

import pytest
from absl import flags as absl_flags

from aag_tf import config as configs
from aag_tf import flags
from aag_tf.config import ContactSheetConfig, EmbedConfig, EvaluateConfig, ExportConfig, SearchConfig, TrainConfig

SHARED = {"flagfile", "help", "helpfull"}  # what a command line has beside settings
CONFIGS: dict[type, set[str]] = {TrainConfig: {"recipe"}} | {
    config_type: set() for config_type in (EvaluateConfig, ExportConfig, EmbedConfig, SearchConfig, ContactSheetConfig)
}


def defined(config_type):
    flag_values = absl_flags.FlagValues()
    flags.define(config_type, flag_values)
    return flag_values


@pytest.mark.parametrize(("config_type", "extra"), CONFIGS.items())
def test_every_setting_has_one_flag_and_every_flag_one_setting(config_type, extra):
    assert set(defined(config_type)) - SHARED - extra == set(configs.leaves(config_type))


@pytest.mark.parametrize("config_type", CONFIGS)
def test_defaults_are_those_of_the_config(config_type):
    flag_values = defined(config_type)
    for name, field in configs.leaves(config_type).items():
        assert flag_values[name].default == field.default, name
        assert type(flag_values[name].default) is type(field.default), name


def field_types(config_type):
    hints = typing.get_type_hints(config_type)
    for field in dataclasses.fields(config_type):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from field_types(hints[field.name])
        else:
            optional = [kind for kind in typing.get_args(hints[field.name]) if kind is not type(None)]
            yield field.name, (optional or [hints[field.name]])[0]


@pytest.mark.parametrize("config_type", CONFIGS)
def test_a_flag_parses_to_the_type_of_its_setting(config_type):
    samples = {int: "3", float: "0.5", bool: "true", str: "text"}
    flag_values = defined(config_type)
    for name, kind in field_types(config_type):
        flag = flag_values[name]
        choices = getattr(flag.parser, "enum_values", None)
        assert type(flag.parser.parse(choices[0] if choices else samples[kind])) is kind, name


@pytest.mark.parametrize("config_type", CONFIGS)
def test_every_help_text_teaches(config_type):
    flag_values = defined(config_type)
    for name in configs.leaves(config_type):
        text = re.sub(r"^<.*?>: ", "", flag_values[name].help)
        assert len(text.split()) >= 5, f"--{name}: {text}"
        assert text.endswith("."), f"--{name}: {text}"


def test_choices_are_those_that_the_config_accepts():
    choices = {
        name: getattr(defined(TrainConfig)[name].parser, "enum_values", None) for name in configs.leaves(TrainConfig)
    }
    assert {name: tuple(values) for name, values in choices.items() if values} == {
        "augment_impl": configs.AUGMENT_IMPLEMENTATIONS,
        "augment_on": configs.AUGMENT_PLACES,
        "aux": configs.AUXILIARIES,
        "jit_compile": configs.JIT_MODES,
        "loss_form": configs.LOSS_FORMS,
        "lr_scaling": configs.LR_SCALINGS,
        "optimizer": configs.OPTIMIZERS,
        "precision": configs.PRECISIONS,
        "stem": configs.STEMS,
    }
