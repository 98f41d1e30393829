"""Processing jobs: an entry point with its inputs and outputs."""
