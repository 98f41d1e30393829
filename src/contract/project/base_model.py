"""The `base_model` section of moderation.yaml."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic.dataclasses import dataclass

from contract.kinds.kinds import SETTINGS

SOURCES = "pypi:<package>==<version>, hub:<model id>@<revision>, s3://<bucket>/<prefix> or a directory"
_FORMS = {
    "pypi:": re.compile(r"pypi:[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*\Z"),
    "hub:": re.compile(r"hub:[^@\s]+@[^@\s]+\Z"),
    "s3:": re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/.*)?\Z"),
}


def _source(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"found {value!r}, expected {SOURCES}")
    for beginning, form in _FORMS.items():
        if value.startswith(beginning) and not form.match(value):
            raise ValueError(f"found {value!r}, expected {SOURCES}")
    return value


def _sha256(value: Any) -> Any:
    if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ValueError(
            f"found {value!r}, expected the 64 lower-case hex digits of `sha256sum model.safetensors`, in quotes where "
            "all of them are digits"
        )
    return value


@dataclass(frozen=True, config=SETTINGS)
class BaseModel:
    """Where the pretrained encoder comes from."""

    source: Annotated[str, BeforeValidator(_source)]
    """`pypi:<package>==<version>`, `hub:<id>@<revision>`, `s3://<bucket>/<prefix>` or a directory."""
    sha256: Annotated[str, BeforeValidator(_sha256)]
    """Of model.safetensors: what is staged is what was reviewed."""
