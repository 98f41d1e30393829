"""What starts a pipeline by itself."""

from types import SimpleNamespace

import pytest

from emulator.codepipeline.sources import Sources
from emulator.core.errors import AwsError

BUCKET = "watched-sources"


class Started(list):
    """A pipeline that remembers how it was started."""

    def __init__(self, provider: str, configuration: dict, **declared):
        super().__init__()
        self.name = "p"
        action = {"name": "Source", "actionTypeId": {"provider": provider}, "configuration": configuration}
        self.declaration = {"stages": [{"name": "Source", "actions": [action]}], **declared}

    def start(self, trigger_type, detail, overrides, pushed_branch):
        self.append((trigger_type, detail, overrides, pushed_branch))


@pytest.fixture
def sources(cloud):
    return Sources(cloud)


@pytest.fixture(scope="module")
def s3(aws):
    aws("s3").create_bucket(Bucket=BUCKET)
    aws("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return aws("s3")


def test_an_object_starts_the_pipeline_each_time_it_has_another_version(sources, s3):
    pipeline = Started("S3", {"S3Bucket": BUCKET, "S3ObjectKey": "k"})
    sources.look_at_objects([pipeline])
    assert pipeline == []
    for _ in range(2):
        version = s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")["VersionId"]
        for _ in range(2):
            sources.look_at_objects([pipeline])
        assert pipeline.pop() == (
            "PollForSourceChanges",
            f"{BUCKET}/k",
            {"Source": ("S3_OBJECT_VERSION_ID", version)},
            None,
        )
        assert pipeline == []


def test_an_object_that_was_there_before_starts_nothing(sources, s3):
    s3.put_object(Bucket=BUCKET, Key="old", Body=b"x")
    pipeline = Started("S3", {"S3Bucket": BUCKET, "S3ObjectKey": "old"})
    for _ in range(2):
        sources.look_at_objects([pipeline])
    assert pipeline == []


@pytest.mark.parametrize(
    ("provider", "configuration", "trigger"),
    [
        ("CodeStarSourceConnection", {"FullRepositoryId": "o/r", "BranchName": "main"}, "Webhook"),
        ("CodeStarSourceConnection", {"FullRepositoryId": "o/r", "BranchName": "other"}, None),
        ("CodeStarSourceConnection", {"FullRepositoryId": "o/s", "BranchName": "main"}, None),
        (
            "CodeStarSourceConnection",
            {"FullRepositoryId": "o/r", "BranchName": "main", "DetectChanges": "false"},
            None,
        ),
        ("CodeCommit", {"RepositoryName": "o/r", "BranchName": "main"}, "PollForSourceChanges"),
        ("CodeCommit", {"RepositoryName": "o/r", "BranchName": "main", "PollForSourceChanges": "false"}, None),
    ],
)
def test_a_push_starts_the_pipelines_that_watch_its_branch(sources, provider, configuration, trigger):
    pipeline = Started(provider, configuration)
    sources.push([pipeline], "o/r", "main", "0123456789", ["a"])
    expected = [(trigger, "o/r@main", {"Source": ("COMMIT_ID", "0123456789")}, "main")] if trigger else []
    assert pipeline == expected


def test_a_trigger_decides_instead_of_the_branch_of_the_action(sources):
    trigger = {"sourceActionName": "Source", "push": [{"filePaths": {"includes": ["src/**"]}}]}
    pipeline = Started(
        "CodeStarSourceConnection",
        {"FullRepositoryId": "o/r", "BranchName": "main"},
        triggers=[{"gitConfiguration": trigger}],
    )
    sources.push([pipeline], "o/r", "main", "1", ["docs/x"])
    assert pipeline == []
    sources.push([pipeline], "o/r", "main", "2", ["src/x"])
    assert [start[0] for start in pipeline] == ["WebhookV2"]


def test_what_prevents_an_execution_is_logged_for_nobody_waits(sources, caplog):
    def refuse(*_, **__):
        raise AwsError("Limit", "too many")

    pipeline = Started("CodeStarSourceConnection", {"FullRepositoryId": "o/r", "BranchName": "main"})
    watching = SimpleNamespace(name="p", declaration=pipeline.declaration, start=refuse)
    sources.push([watching], "o/r", "main", "1", [])
    assert "pipeline p does not start: Limit: too many" in caplog.text


def test_a_source_is_there_once_its_object_or_branch_is(sources, s3):
    def there(provider: str, **configuration) -> bool:
        return sources.exist(Started(provider, configuration).declaration)

    s3.put_object(Bucket=BUCKET, Key="there", Body=b"x")
    assert there("S3", S3Bucket=BUCKET, S3ObjectKey="there")
    assert not there("S3", S3Bucket=BUCKET, S3ObjectKey="absent")
    assert not there("CodeCommit", RepositoryName="absent", BranchName="main")
