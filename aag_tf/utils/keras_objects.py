"""Makes Keras know this package's classes in a process that imported it, without importing Keras for that.

`keras.models.load_model` finds a registered class by its name, and a class registers itself when its module is
imported. After `import aag_tf` a stand-in of each is registered as soon as Keras is imported; it imports the class when
a file names it. Standard library only.
"""

import importlib
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Every class with `keras.saving.register_keras_serializable(package="aag_tf")`, and its module.
MODULES = {
    "AuxiliaryBranch": "aag_tf.augment.auxiliary_branch",
    "BatchNorm": "aag_tf.encoders.batch_norm",
    "GNTXent": "aag_tf.losses.gnt_xent",
    "KerasCVAuxiliaryBranch": "aag_tf.augment.keras_cv_branch",
    "KerasCVMainBranch": "aag_tf.augment.keras_cv_branch",
    "LARS": "aag_tf.optimizers.lars",
    "LayersBranch": "aag_tf.augment.layers_branch",
    "LearnedTemperature": "aag_tf.losses.temperature",
    "MainBranch": "aag_tf.augment.main_branch",
    "Muon": "aag_tf.optimizers.muon",
    "ViewMaker": "aag_tf.augment.views",
    "WarmupStableDecay": "aag_tf.optimizers.schedules",
}


class _StandIn:
    """What Keras needs of a class to build an object from its config."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def from_config(self, config: dict[str, Any]) -> Any:
        return getattr(importlib.import_module(self.module), self.name).from_config(config)


def register() -> None:
    """Registers all classes with Keras, now if it is imported, else when it is."""
    keras = sys.modules.get("keras")
    if keras is None:
        sys.meta_path.insert(0, _WhenKerasIsImported())
    else:
        _register(keras)


def _register(keras: ModuleType) -> None:
    registered = keras.saving.get_custom_objects()
    for name, module in MODULES.items():
        registered.setdefault(f"aag_tf>{name}", _StandIn(module, name))  # the class itself replaces it


class _WhenKerasIsImported(MetaPathFinder):
    """Lets others find the module, and registers the classes after it has run."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((spec for spec in others if spec is not None), None)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_register(module: ModuleType) -> None:
                run(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                _register(module)

            spec.loader.exec_module = run_and_register  # type: ignore[method-assign]
        return spec
