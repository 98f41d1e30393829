"""Starts the head from a linear probe: logistic regressions on the features of the frozen encoder.

Fine-tuning from there bends the encoder less than from a random head (Kumar et al. 2022, LP-FT).
"""

import warnings

import numpy as np

INVERSE_REGULARISATION = 0.01
SMALLEST_SPREAD = 0.05  # of the median standard deviation: some encoders have constant dimensions
# Whatever the median: where all texts look the same to the encoder, nothing must be divided by what is left
LEAST_SPREAD = 1e-3


def label_prior(truth: np.ndarray) -> np.ndarray:
    """Logits (labels) of each label's smoothed prevalence in truth (rows, labels) of 1, 0 and NaN."""
    positives = np.nansum(truth, axis=0)
    annotated = (~np.isnan(truth)).sum(axis=0)
    prevalence = (positives + 0.5) / (annotated + 1)
    return np.log(prevalence / (1 - prevalence))


def probe_rows(rows: int, limit: int, seed: int) -> list[int]:
    """The rows that the probe is fitted on: all of them, or a seeded choice of `limit`."""
    return sorted(np.random.default_rng(seed).permutation(rows)[:limit].tolist())


def fit_head(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (labels, hidden) and biases (labels) of a head for features (rows, hidden) as the encoder gives them.

    A label without both a positive and a negative row gets weights of zero and its prior as bias.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # standardised, so that one regularisation suits all dimensions
    mean = features.mean(axis=0)
    spread = features.std(axis=0)
    spread = np.maximum(spread, max(SMALLEST_SPREAD * float(np.median(spread)), LEAST_SPREAD))
    standard = (features - mean) / spread

    weights = np.zeros((truth.shape[1], features.shape[1]))
    biases = label_prior(truth)
    for index in range(truth.shape[1]):
        annotated = ~np.isnan(truth[:, index])
        answers = truth[annotated, index]
        if not 0 < answers.sum() < len(answers):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a start for training need not be the optimum
            regression = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=200).fit(standard[annotated], answers)
        # undo the standardisation: the head reads the features as they are
        weights[index] = regression.coef_[0] / spread
        biases[index] = regression.intercept_[0] - weights[index] @ mean
    return weights, biases
