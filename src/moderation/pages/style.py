"""The style that all pages share."""

from pathlib import Path


def style() -> str:
    """CSS for a page's <style>."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")
