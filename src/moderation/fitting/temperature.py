"""Makes a score mean what it says: one temperature for all logits."""

import numpy as np

TEMPERATURES = (0.25, 4.0)
PRIOR_SPREAD = 0.5  # of the logarithm: what few rows say about the temperature moves it little


def choose_temperature(truth: np.ndarray, logits: np.ndarray) -> float:
    """What to divide all logits by so that scores become true shares (Guo et al. 2017); the order of rows stays.

    truth (rows, labels) of 1, 0 and NaN where not annotated; logits (rows, labels) of rows that nothing was fitted on.
    The value with the highest likelihood under a normal prior around 1: without a row it is 1.
    """
    from scipy.optimize import minimize_scalar

    # an annotated label loses log(1 + exp(signed / temperature)), where signed is its logit, turned away from the truth
    annotated = ~np.isnan(truth)
    signed = np.where(truth[annotated] == 1, -1.0, 1.0) * logits[annotated]

    def cost(log_temperature: float) -> float:
        loss = np.logaddexp(0, signed / np.exp(log_temperature)).sum()
        return float(loss + (log_temperature / PRIOR_SPREAD) ** 2 / 2)

    lowest, highest = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(cost, bounds=(lowest, highest), method="bounded").x))
