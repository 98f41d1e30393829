"""The door through which the hosting toolkit serves: it looks for these four functions in this file."""

from moderation.model.handler import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
