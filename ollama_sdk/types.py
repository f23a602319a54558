"""The models, their TypedDicts for arguments (``…Param``), and other types in signatures.

Each is imported at its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._generated import models as _models

if TYPE_CHECKING:
    from ._codec.annotations import Base64 as Base64
    from ._codec.annotations import FileContent as FileContent
    from ._codec.annotations import FloatVector as FloatVector
    from ._codec.annotations import JSONSchema as JSONSchema
    from ._generated.models import *
    from ._generated.params import *
    from ._metrics import Metrics as Metrics

_OTHERS = {
    "Metrics": "_metrics",
    "Base64": "_codec.annotations",
    "FileContent": "_codec.annotations",
    "FloatVector": "_codec.annotations",
    "JSONSchema": "_codec.annotations",
}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name in _models.MODULES:
        return getattr(_models, name)
    if name in _OTHERS:
        module = _OTHERS[name]
    elif name.endswith("Param"):
        module = "_generated.params"
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{module}", __package__), name)


def __dir__() -> list[str]:
    from ._generated import params

    return sorted([*_models.MODULES, *params.__all__, *_OTHERS])
