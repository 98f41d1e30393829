from pathlib import Path

from contract.model.archive import SERVING_DOOR, SERVING_FOLDERS

SOURCE = Path(__file__).parents[4] / "src"


def test_what_lies_beside_a_model_is_in_the_source():
    assert (SOURCE / SERVING_DOOR).is_file()
    assert all((SOURCE / folder / "__init__.py").is_file() for folder in SERVING_FOLDERS)
