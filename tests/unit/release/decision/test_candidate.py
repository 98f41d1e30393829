from helpers.evaluations import candidate

from release.decision.candidate import Candidate


def test_a_candidate_was_evaluated_on_the_rows_of_its_evaluation():
    assert isinstance(candidate(), Candidate)
    assert candidate().dataset_version == candidate().evaluation["dataset_version"]
