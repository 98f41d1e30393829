"""The door through which a training job trains: `python src/train.py --help` lists the hyperparameters."""

import sys

from moderation.training.train import main

if __name__ == "__main__":
    sys.exit(main())
