"""The door through which a Processing job prepares the dataset."""

import sys

from moderation.data.prepare import main

if __name__ == "__main__":
    sys.exit(main())
