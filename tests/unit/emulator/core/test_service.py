"""How an operation finds its method."""

import pytest

from emulator.core.errors import AwsError
from emulator.core.service import Service


class Own(Service):
    service_name = "own"
    moto_operations = frozenset({"ListTags"})

    def start_build(self, request, caller):
        return {"started": request}


class Overlay(Own):
    rest_to_moto = True


def test_an_operation_is_a_method_spelled_as_boto3_spells_it():
    assert Own(cloud=None).operation("StartBuild")({}, None) == {"started": {}}


@pytest.mark.parametrize("name", ["StopBuild", "Start", "Stop", "OnDemand"])
def test_what_has_no_method_is_refused_by_name_also_where_the_base_class_has_one(name):
    with pytest.raises(AwsError, match=f"own:{name} is not emulated") as refusal:
        Own(cloud=None).operation(name)
    assert refusal.value.status == 501


def test_moto_gets_what_is_left_to_it():
    assert Own(cloud=None).operation("ListTags") is None
    assert Overlay(cloud=None).operation("StopBuild") is None


def test_an_unknown_action_on_demand_is_not_found():
    with pytest.raises(AwsError, match="own has no action 'explode'") as refusal:
        Own(cloud=None).on_demand("explode", "x")
    assert refusal.value.status == 404
