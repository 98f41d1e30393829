import numpy as np
import pytest
import torch

from moderation.training.loss import masked_loss, positive_weights


def test_the_positive_weight_is_the_root_of_negatives_a_positive():
    truth = np.zeros((100, 2), dtype=np.float32)
    truth[:3, 0] = 1
    truth[:52, 1] = np.nan
    truth[99, 1] = 1
    assert positive_weights(truth, "sqrt") == pytest.approx([np.sqrt(98 / 4), np.sqrt(48 / 2)])
    assert positive_weights(truth, "none").tolist() == [1, 1]


def test_weighted_positives_leave_the_true_odds_the_best_answer():
    truth = torch.tensor([[1.0]] + [[0.0]] * 9)
    logit = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([logit], max_iter=50)

    def closure():
        optimiser.zero_grad()
        loss = masked_loss(logit.expand(10, 1), truth, torch.tensor([3.0]))
        loss.backward()
        return loss

    optimiser.step(closure)
    assert torch.sigmoid(logit).item() == pytest.approx(0.1, abs=1e-3)


def test_the_loss_ignores_what_nobody_annotated():
    logits = torch.tensor([[0.0, 5.0], [2.0, -1.0]], requires_grad=True)
    truth = torch.tensor([[1.0, np.nan], [0.0, 1.0]])
    loss = masked_loss(logits, truth, torch.ones(2))
    loss.backward()
    expected = -np.log(0.5) - np.log(1 - 1 / (1 + np.exp(-2.0))) - np.log(1 / (1 + np.exp(1.0)))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert logits.grad[0, 1] == 0
