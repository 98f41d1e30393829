import pytest

from emulator.sagemaker.jobs import instances as jobs


@pytest.fixture
def instance(tmp_path):
    return jobs.make_instances(tmp_path, 2)[1]


def test_instances_are_named_as_on_aws_and_start_empty(tmp_path):
    (tmp_path / "algo-1").mkdir()
    (tmp_path / "algo-1" / "left-over").write_text("of an earlier attempt")
    first, second = jobs.make_instances(tmp_path, 2)
    assert (first.name, second.name) == ("algo-1", "algo-2")
    assert list(first.base.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "relocated"),
    [
        ("/opt/ml", "BASE"),
        ("/opt/ml/model", "BASE/model"),
        ("cd /opt/ml/code && ls /opt/ml", "cd BASE/code && ls BASE"),
        ("--path=/opt/ml/x", "--path=BASE/x"),
        ("/opt/mlflow", "/opt/mlflow"),
        ("/data/opt/ml/x", "/data/opt/ml/x"),
        ("s3://bucket/opt/ml/x", "s3://bucket/opt/ml/x"),
    ],
)
def test_paths_below_opt_ml_move_to_the_instance_and_others_stay(instance, text, relocated):
    assert instance.relocate(text) == relocated.replace("BASE", str(instance.base))


def test_a_container_path_lies_below_the_instance(instance):
    assert instance.path("/opt/ml/processing/input") == instance.base / "processing" / "input"
    assert instance.path("/opt/ml/") == instance.base


@pytest.mark.parametrize("path", ["/etc/passwd", "/opt/ml/../../etc", "/opt/mlx", "relative"])
def test_a_path_outside_of_opt_ml_is_refused(instance, path):
    with pytest.raises(ValueError, match="expected a path"):
        instance.path(path)


def test_the_resource_config_names_this_host_and_all_hosts(tmp_path):
    instances = jobs.make_instances(tmp_path, 2)
    config = jobs.resource_config(instances[1], instances, "ml.m5.large")
    assert config["current_host"] == "algo-2"
    assert config["hosts"] == ["algo-1", "algo-2"]
    assert config["instance_groups"][0]["hosts"] == ["algo-1", "algo-2"]


def test_a_signal_is_reported_as_a_container_reports_it():
    assert [jobs.exit_status(code) for code in (0, 3, -9)] == [0, 3, 137]
