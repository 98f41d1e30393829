import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.aws.live import LiveRelease
from release.stages.release_plan import Package, config_name, mismatch, overtaken, plan_release, release_key
from release.toolchain.terraform import TerraformRun

ENDPOINT = "moderation-prod"
SETTINGS = {"instance_type": "ml.m5.large", "kms_key_arn": "key", "min_instances": 2, "max_instances": 6}


def arn(version):
    return f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/moderation/{version}"


def package(version, approved=False):
    """A package whose image and archive are its own."""
    return Package(arn(version), f"image:{version}", f"s3://models/{version}.tar.gz", approved)


def entry(version, count):
    return {
        "model_package_arn": arn(version),
        "image_uri": f"image:{version}",
        "model_data_uri": f"s3://models/{version}.tar.gz",
        "instance_count": count,
    }


def live(version=1, configured=2, running=2, settings=SETTINGS, status="InService", reason=""):
    key = release_key(arn(version), configured, settings)
    return LiveRelease(
        status=status,
        config_name=config_name(ENDPOINT, key),
        package_arn=arn(version),
        image_uri=package(version).image_uri,
        model_data_uri=package(version).model_data_uri,
        configured_instance_count=configured,
        running_instance_count=running,
        failure_reason=reason,
    )


def test_the_first_release_starts_with_the_minimum():
    plan = plan_release(package(1), None, {}, ENDPOINT, SETTINGS)
    assert plan.releases == {plan.live_release: entry(1, 2)}
    assert plan.live_release.startswith("v1-")


def test_a_new_release_keeps_the_one_before_it_exactly_as_it_is():
    before = live(1, configured=2, running=5)
    plan = plan_release(package(2), before, {}, ENDPOINT, SETTINGS)
    old_key = before.config_name.removeprefix(f"{ENDPOINT}-")
    assert plan.live_release.startswith("v2-")
    assert plan.releases == {old_key: entry(1, 2), plan.live_release: entry(2, 5)}


@given(st.integers(1, 50))
def test_a_release_never_shrinks_a_fleet_below_what_runs_unless_the_maximum_asks_for_it(running):
    plan = plan_release(package(2), live(1, running=running), {}, ENDPOINT, SETTINGS)
    count = plan.releases[plan.live_release]["instance_count"]
    assert count == max(2, min(6, running))


def test_deploying_what_is_live_changes_nothing_whatever_it_was_scaled_to():
    now = live(2, configured=3, running=5)
    key = now.config_name.removeprefix(f"{ENDPOINT}-")
    recorded = {
        "v1-0000": entry(1, 2),
        key: entry(2, 3),
    }
    plan = plan_release(package(2), now, recorded, ENDPOINT, SETTINGS)
    assert plan.releases == recorded
    assert plan.live_release == key


def test_what_is_live_keeps_its_image_and_archive_whatever_the_registry_says_by_now():
    key = live(2).config_name.removeprefix(f"{ENDPOINT}-")
    edited = Package(arn(2), "another image", "s3://models/another.tar.gz")
    assert plan_release(edited, live(2), {}, ENDPOINT, SETTINGS).releases == {key: entry(2, 2)}


def test_other_instances_are_another_release_of_the_same_package():
    plan = plan_release(package(1), live(1), {}, ENDPOINT, SETTINGS | {"instance_type": "ml.c6i.large"})
    assert len(plan.releases) == 2
    assert {entry["model_package_arn"] for entry in plan.releases.values()} == {arn(1)}


def test_a_retry_after_a_rollback_asks_for_the_same_release_again():
    before = live(1)
    first = plan_release(package(2), before, {}, ENDPOINT, SETTINGS)
    again = plan_release(package(2), before, first.releases, ENDPOINT, SETTINGS)
    assert again == first


def test_a_failed_endpoint_is_made_anew_whether_it_had_the_wanted_config_or_another():
    for version in (1, 2):
        plan = plan_release(package(2), live(version, status="Failed"), {}, ENDPOINT, SETTINGS)
        assert plan.replaces_endpoint
        assert plan.live_release.startswith("v2-")
    assert not plan_release(package(2), live(1), {}, ENDPOINT, SETTINGS).replaces_endpoint
    assert not plan_release(package(2), None, {}, ENDPOINT, SETTINGS).replaces_endpoint


def test_a_name_that_sagemaker_would_refuse_is_named():
    with pytest.raises(ValueError, match="shorten project_name"):
        config_name("m" * 60, "v1-12345678")


class TestMismatch:
    config = live(2).config_name

    def test_the_wanted_config_in_service_is_a_match(self):
        assert mismatch(live(2), self.config, TerraformRun(0), ENDPOINT, []) is None

    def test_a_rollback_behind_terraforms_success_is_found_with_reason_and_alarms(self):
        problem = mismatch(live(1, reason="alarm fired"), self.config, TerraformRun(0), ENDPOINT, ["prod-5xx: 12 %"])
        assert "terraform reported success" in problem
        assert "rolled the update back" in problem
        assert "alarm fired" in problem
        assert "prod-5xx: 12 %" in problem
        assert "what to do" in problem

    def test_an_endpoint_that_never_came_up_is_a_failure(self):
        problem = mismatch(
            live(2, status="Failed", reason="no ping"), self.config, TerraformRun(1, ("Error: no quota",)), ENDPOINT, []
        )
        assert "no ping" in problem
        assert "is Failed" in problem
        assert "made anew" in problem

    def test_only_a_failed_endpoint_is_said_to_be_made_anew(self):
        for status in ("OutOfService", "UpdateRollbackFailed"):
            assert "made anew" not in mismatch(live(2, status=status), self.config, TerraformRun(1), ENDPOINT, [])

    def test_the_wanted_config_does_not_excuse_a_failed_terraform(self):
        assert "terraform ended with status 1" in mismatch(
            live(2), self.config, TerraformRun(1, ("Error: no quota",)), ENDPOINT, []
        )

    def test_no_endpoint_is_a_failure(self):
        assert "Error: no quota" in mismatch(None, self.config, TerraformRun(1, ("Error: no quota",)), ENDPOINT, [])
        assert "does not exist" in mismatch(None, self.config, TerraformRun(0), ENDPOINT, [])


class TestOvertaken:
    def test_a_release_evaluated_against_what_is_live_goes_on(self):
        assert overtaken(package(2), arn(1), live(1)) is None

    def test_a_release_evaluated_against_another_model_than_the_live_one_is_refused_and_says_what_to_do(self):
        problem = overtaken(package(3), arn(1), live(2))
        assert f"prod serves {arn(2)}, but {arn(3)} was evaluated against {arn(1)}" in problem
        assert "what to do: release the change again" in problem

    def test_the_first_release_goes_on_while_prod_is_empty_and_not_after_another_one(self):
        assert overtaken(package(2), "none", None) is None
        assert f"prod serves {arn(1)}, but {arn(2)} was evaluated against an empty prod" in (
            overtaken(package(2), "none", live(1))
        )

    def test_a_release_that_is_live_itself_goes_on(self):
        assert overtaken(package(2), arn(1), live(2)) is None

    def test_nothing_that_serves_has_overtaken_nothing(self):
        assert overtaken(package(3), arn(1), live(2, status="Failed")) is None
        assert overtaken(package(3), arn(1), None) is None

    def test_a_release_that_was_in_prod_before_may_go_back(self):
        assert overtaken(package(1, approved=True), "none", live(2)) is None
        assert overtaken(package(1, approved=False), "none", live(2)) is not None
