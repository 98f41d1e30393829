"""Whether a difference between two systems is more than chance, with many labels and few positive rows in view."""

import numpy as np


def chances(differences: np.ndarray, spread: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """p-values (figures) of each figure being truly worse, adjusted for their number by Holm (1979).

    differences (figures), NaN where unknown: neither tested nor counted; spread (figures): standard deviation of the
    resamples; freedom (figures): degrees of freedom, the positive rows less one. The tail is Student's: resamples of
    few positive rows understate how far off a figure may be, and 1,000 of them could not resolve the p-value that one
    of many labels needs. Without freedom or spread nothing is known: 1.
    """
    from scipy.special import stdtr

    measured = np.flatnonzero(~np.isnan(differences))
    tested = measured[(freedom[measured] > 0) & (spread[measured] > 0)]

    # a resample of n rows spreads by the root of (n - 1) / n too little
    error = spread[tested] * np.sqrt((freedom[tested] + 1) / freedom[tested])
    single = np.ones(len(differences))
    single[tested] = stdtr(freedom[tested], differences[tested] / error)

    # Holm: the smallest p-value times the number of figures, the next times one less, and never below the one before
    order = measured[np.argsort(single[measured], kind="stable")]
    adjusted = single[order] * np.arange(len(order), 0, -1)
    p_values = np.full(len(differences), np.nan)
    p_values[order] = np.minimum(np.maximum.accumulate(adjusted), 1)
    return p_values


def pooled_freedom(spread: np.ndarray, freedom: np.ndarray) -> float:
    """Degrees of freedom of a mean of figures by spread and freedom (figures) of each (Welch and Satterthwaite)."""
    variances = spread[freedom > 0] ** 2
    total = (variances**2 / freedom[freedom > 0]).sum()
    return float(variances.sum() ** 2 / total) if total else 0.0
