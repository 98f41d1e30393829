"""Runs in CodeBuild and at an operator's terminal."""

__version__ = "0.3.0"
