"""The door through which one of several instances of a Processing job reads its share of the data files."""

import sys

from moderation.rows.shards import main

if __name__ == "__main__":
    sys.exit(main())
