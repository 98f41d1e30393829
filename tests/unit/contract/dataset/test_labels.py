from contract.dataset.labels import LabelsDocument


def test_the_lineage_may_be_left_out():
    assert LabelsDocument.__required_keys__ == {"labels"}
    assert LabelsDocument.__optional_keys__ == {"lineage"}
