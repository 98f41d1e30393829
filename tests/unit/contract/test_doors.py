from contract.doors import DOORS, PACKED_DOORS
from contract.model.archive import SERVING_DOOR, SERVING_FOLDERS


def test_serving_is_the_smallest_door_and_training_packs_it():
    assert DOORS[SERVING_DOOR] == SERVING_FOLDERS
    assert set(SERVING_FOLDERS) < set(DOORS["train.py"])
    assert PACKED_DOORS["train.py"] == (SERVING_DOOR,)


def test_every_door_names_each_folder_once_in_order():
    assert all(len(set(folders)) == len(folders) for folders in DOORS.values())
