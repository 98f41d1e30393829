"""What a model is put through beside the test rows: behaviour cases, evasions and the clock."""

from dataclasses import dataclass

import numpy as np

from contract.evaluation.document import BehaviourGroup, EvasionKind, Latency, System
from moderation.evaluation import behaviour, evasion, latency
from moderation.evaluation.data import EvaluationData
from moderation.evaluation.models import Model
from moderation.metrics.scored import Scored


@dataclass(frozen=True)
class Trials:
    """The results of each model."""

    behaviour: dict[System, dict[str, BehaviourGroup]]
    evasion: dict[System, dict[str, EvasionKind]]
    latency: dict[System, Latency]


def run_trials(models: dict[System, Model], data: EvaluationData, scored: dict[System, Scored]) -> Trials:
    """Put all models through the same trials; scored: their answers on the test rows."""
    texts = [case.text for case in data.cases]
    passed = {
        name: behaviour.passed_by_group(data.cases, model.labels, model.flags(texts)) for name, model in models.items()
    }
    evaded = {name: recall_by_evasion(model, data, scored[name]) for name, model in models.items()}
    sample = latency.sample(data.test.texts)
    timed = latency.measure({name: model.score for name, model in models.items()}, sample)
    return Trials(passed, evaded, timed)


def recall_by_evasion(model: Model, data: EvaluationData, scored: Scored) -> dict[str, EvasionKind]:
    """Kind of evasion to the recall that a model keeps; scored: its answers on the plain test rows."""
    truth = data.test.truth[:, scored.columns(data.labels)]
    rows = evasion.chosen_rows(truth)
    texts = [data.test.texts[row] for row in rows]
    if not texts:
        nothing = np.zeros((0, len(model.labels)), dtype=bool)
        return {kind: evasion.recall_kept(truth[rows], nothing, nothing) for kind in evasion.EVASIONS}

    # all kinds in one call: rows of equal length share a batch whatever hides them
    evaded = [text for kind in evasion.EVASIONS for text in evasion.evade(texts, kind)]
    parts = np.split(model.flags(evaded), len(evasion.EVASIONS))
    return {
        kind: evasion.recall_kept(truth[rows], scored.flags[rows], part)
        for kind, part in zip(evasion.EVASIONS, parts, strict=True)
    }
