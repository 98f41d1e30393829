"""What lies in a model archive (model.tar.gz), by name."""

ARCHIVE = "model.tar.gz"
POLICY_FILE = "policy.json"
TRAINING_FILE = "training.json"
"""Provenance of the training: hyperparameters, rows, lineage, versions."""
VALIDATION_SCORES_FILE = "validation_scores.safetensors"
"""What another policy is chosen by, without training again."""
CODE_DIRECTORY = "code"
"""Where the hosting toolkit looks for inference.py."""
SERVING_DOOR = "inference.py"
SERVING_FOLDERS = ("contract/model", "moderation/model")
"""Folders of src/ that lie beside it: what serving imports."""
