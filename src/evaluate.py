"""The door through which a Processing job evaluates a model."""

import sys

from moderation.evaluation.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
