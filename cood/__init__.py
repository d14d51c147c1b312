"""Compositional out-of-distribution evaluation of CLIP models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cood.scorecard.arrays import score as score
    from cood.scorecard.evaluate import evaluate as evaluate

# Loaded when they are asked for: `import cood` imports nothing else.
_MODULES = {"evaluate": "cood.scorecard.evaluate", "score": "cood.scorecard.arrays"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        try:
            return getattr(import_module(_MODULES[name]), name)
        except ModuleNotFoundError as error:
            from cood.errors import missing_package

            raise ImportError(f"cood.{name}: {missing_package(error)}") from error
    raise AttributeError(f"module 'cood' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
