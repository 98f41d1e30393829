import pytest
from helpers import reports


@pytest.fixture
def evaluation():
    return reports.evaluation()
