"""Names and numbers as the report shows them."""

from contract.evaluation.document import Difference, Interval
from contract.evaluation.vocabulary import EVASION_NAMES


def plain(name: str) -> str:
    """`insult denied` for insult_denied."""
    return name.replace("_", " ")


def evasion_name(kind: str) -> str:
    """A kind of evasion under its name, not yet escaped for HTML."""
    return EVASION_NAMES.get(kind, plain(kind))


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where it is not known."""
    return "–" if value is None else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{value:.0%}"


def signed(value: float | None) -> str:
    """A difference with its sign, or a dash."""
    return "–" if value is None else f"{value:+.3f}"


def interval(ends: Interval) -> str:
    """`0.400 to 0.600`."""
    return "not known" if ends["low"] is None else f"{number(ends['low'])} to {number(ends['high'])}"


def signed_interval(difference: Difference) -> str:
    """`-0.010 to +0.070`."""
    return "not known" if difference["low"] is None else f"{signed(difference['low'])} to {signed(difference['high'])}"
