"""The one kind of exception that a stage ends with when AWS, not a person's input, is in the way."""


class StageFailed(Exception):
    """A stage did not reach its goal; the message says why and what to do."""
