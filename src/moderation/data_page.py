"""The data report as one self-contained page: no script, no request to anywhere, no text of any row."""

from typing import Any


def data_page(report: dict[str, Any]) -> str:
    """HTML of a data_report.json."""
    return str(report)
