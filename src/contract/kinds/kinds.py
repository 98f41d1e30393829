"""How sections of moderation.yaml are described: frozen pydantic dataclasses with SETTINGS, and kinds of values."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

# Strict types, no unknown key, no number that is none
SETTINGS = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


def _name(value: Any) -> Any:
    """Whole numbers are names, too; what YAML reads as a truth value is none, and is refused as no text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _label(value: Any) -> Any:
    name = _name(value)
    if isinstance(name, str) and (not name.strip() or name != name.strip() or not name.isprintable()):
        raise ValueError(f"found {name!a}, expected a name without line breaks, and without blanks at its ends")
    return name


Name = Annotated[str, BeforeValidator(_name)]
Label = Annotated[str, BeforeValidator(_label)]
Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
