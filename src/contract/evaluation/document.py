"""evaluation.json."""

LEAST_ROWS = 20  # a figure of fewer rows is chance


LEAST_POSITIVES = 5


SCHEMA_VERSION = 2


SYSTEMS = ("candidate", "champion", "baseline", "probe")
