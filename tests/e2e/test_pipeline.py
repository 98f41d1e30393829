"""The main job on the emulator, in the order in which a team would live it: each test goes on where the last one ended.

Everything is read from outside: the processes' own output, the endpoints' own answers, the registry.
"""

import json
import os
import re
import signal
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import ClientError

from moderation.data import demonstration
from release.aws.logs import last_log_lines
from release.operate.progress import ENDED

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def seen() -> dict:
    """What an earlier step found and a later one compares with."""
    return {}


@pytest.fixture(scope="module", autouse=True)
def _small_and_fast(platform):
    """Few rows, a gate that forgives: is the path true? How good the model is, is no question here."""
    for old, new in (
        ("epochs: 2", "epochs: 2\n  checkpoint-seconds: 2"),
        ("baseline_margin: -0.02", "baseline_margin: -0.3"),
        ("no_label_worse: true", "no_label_worse: false"),
        ("maximum_flip_share: 0.15", "maximum_flip_share: 1.0"),
        ("no_behaviour_worse: true", "no_behaviour_worse: false"),
    ):
        platform.edit("moderation.yaml", old, new)
    rows = [json.dumps(row) for row in demonstration.generate(seed=13, rows=800)]
    for name, part in (("first", rows[::2]), ("second", rows[1::2])):  # one for each instance that prepares
        platform.client("s3").put_object(
            Bucket=platform.outputs["data_bucket"], Key=f"raw/{name}.jsonl", Body="\n".join(part)
        )


def training_log(platform, job: str) -> str:
    logs = platform.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return ""  # no job has written a line yet
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    return "\n".join(
        line for stream in streams for line in last_log_lines(logs, (group, stream["logStreamName"]), 2000)
    )


def approval_status(platform, package: str) -> str:
    return platform.client("sagemaker").describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]


def wait_for_training(platform, execution: str, said: str) -> str:
    """Name of the running training job once its log has a match of `said`."""
    sagemaker = platform.client("sagemaker")

    def found():
        for job in sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]:
            if re.search(said, training_log(platform, job["TrainingJobName"])):
                return job["TrainingJobName"]
        assert platform.status(execution) == "InProgress", platform.explain(execution)
        return None

    return platform.wait_for(found, f"a running job to say {said!r}", seconds=300)


def test_a_training_interrupted_on_spot_goes_on_from_its_checkpoint(platform, seen):
    execution = platform.push("first release")
    job = wait_for_training(platform, execution, r"checkpoint checkpoint-\d+ written")
    interrupt = f"{platform.laptop.url}/_emulator/sagemaker/interrupt/{job}"
    with urllib.request.urlopen(urllib.request.Request(interrupt, method="POST")) as answer:
        assert answer.status == 200

    def trained():
        stages = platform.stages(execution)
        assert platform.status(execution) not in ENDED, platform.explain(execution)
        return "Train" in stages and stages["Train"].status == "Succeeded"

    platform.wait_for(trained, "the training to end", seconds=300)
    description = platform.client("sagemaker").describe_training_job(TrainingJobName=job)
    went_through = [transition["Status"] for transition in description["SecondaryStatusTransitions"]]
    assert went_through.count("Training") == 2
    assert went_through[-1] == "Completed"
    assert "Interrupted" in went_through
    log = training_log(platform, job)
    resumed = re.findall(r"resuming from (checkpoint-[1-9]\d*)", log)
    assert len(resumed) == 1
    assert re.search(f"checkpoint {resumed[0]} written", log)


def test_a_push_trains_on_two_ranks_and_waits_with_the_candidate_in_staging(platform, seen):
    execution = platform.executions[-1]
    pending = platform.wait_for_approval(execution)
    assert pending.stage == "Approve"
    stages = platform.stages(execution)
    assert {name: stages[name].status for name in ("Source", "Check", "Prepare", "Train", "Evaluate", "Staging")} == (
        dict.fromkeys(("Source", "Check", "Prepare", "Train", "Evaluate", "Staging"), "Succeeded")
    )
    assert platform.instance_counts("prepare-shards") == [2]
    ranks = re.findall(
        r"rank (\d+) of (\d+) .*?pid (\d+)", training_log(platform, stages["Train"].outputs["TRAINING_JOB_NAME"])
    )
    assert {(rank, world) for rank, world, _ in ranks} == {("0", "2"), ("1", "2")}
    # two processes before the interruption, two after it
    assert len({process_id for _, _, process_id in ranks}) == 4
    candidate = stages["Evaluate"].outputs["MODEL_PACKAGE_ARN"]
    assert stages["Evaluate"].outputs["CHAMPION_PACKAGE_ARN"] == "none"
    assert platform.ask("staging")["model"] == candidate
    assert approval_status(platform, candidate) == "PendingManualApproval"
    assert platform.live_config("prod") is None
    seen["first"] = candidate


def test_approval_brings_the_very_same_package_to_prod(platform, seen):
    execution = platform.executions[-1]
    platform.decide(execution, "Approved")
    assert platform.wait_for_end(execution) == "Succeeded", platform.explain(execution)
    answer = platform.ask("prod")
    assert answer["model"] == seen["first"]
    labels = answer["results"][0]["labels"]
    assert len(labels) >= 2
    assert all(found["flagged"] == (found["score"] >= found["threshold"]) for found in labels.values())
    assert approval_status(platform, seen["first"]) == "Approved"
    seen["first_config"] = platform.live_config("prod")


def test_a_killed_training_process_fails_the_stage_with_the_reason_and_a_retry_goes_on(platform, seen):
    platform.edit("moderation.yaml", "seed: 13\n\ngate", "seed: 14\n\ngate")
    # the first push ran all of it, on the same code
    platform.edit("buildspecs/check.yml", "make check", "make lint")
    execution = platform.push("second release")
    kill_one_training_process(platform, execution)
    assert platform.wait_for_end(execution) == "Failed"
    train = platform.stages(execution)["Train"]
    assert train.status == "Failed"
    log = "\n".join(last_log_lines(platform.client("logs"), train.log, 60))
    assert "AlgorithmError" in log
    platform.client("codepipeline").retry_stage_execution(
        pipelineName=platform.pipeline,
        stageName="Train",
        pipelineExecutionId=execution,
        retryMode="FAILED_ACTIONS",
    )
    platform.wait_for_approval(execution)
    evaluated = platform.stages(execution)["Evaluate"].outputs
    assert evaluated["CHAMPION_PACKAGE_ARN"] == seen["first"]
    seen["second"] = evaluated["MODEL_PACKAGE_ARN"]
    assert seen["second"] != seen["first"]


def training_jobs(platform) -> list[str]:
    summaries = platform.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    return sorted(summary["TrainingJobName"] for summary in summaries)


def kill_one_training_process(platform, execution: str) -> None:
    """SIGKILL to the process that reported itself as rank 1, as an out-of-memory kill would do."""
    reported = r"rank 1 of 2 .*?pid (\d+)"
    job = wait_for_training(platform, execution, reported)
    os.kill(int(re.search(reported, training_log(platform, job))[1]), signal.SIGKILL)


def test_until_approval_prod_serves_the_old_model_and_a_rejection_leaves_it_untouched(platform, seen):
    execution = platform.executions[-1]
    assert platform.ask("staging")["model"] == seen["second"]
    assert platform.ask("prod")["model"] == seen["first"]
    platform.decide(execution, "Rejected")
    assert platform.wait_for_end(execution) == "Failed"
    assert platform.ask("prod")["model"] == seen["first"]
    assert platform.live_config("prod") == seen["first_config"]
    assert "Prod" not in platform.stages(execution)


def test_prod_is_updated_without_a_failed_request(platform, seen):
    execution = platform.executions[-1]
    platform.client("codepipeline").retry_stage_execution(
        pipelineName=platform.pipeline,
        stageName="Approve",
        pipelineExecutionId=execution,
        retryMode="FAILED_ACTIONS",
    )
    platform.wait_for_approval(execution)
    answers, failures, stop = [], [], threading.Event()

    def ask_on():
        while not stop.is_set():
            try:
                answers.append(platform.ask("prod")["model"])
            except ClientError as error:
                failures.append(str(error))
            time.sleep(0.1)

    asking = threading.Thread(target=ask_on)
    asking.start()
    try:
        platform.decide(execution, "Approved")
        status = platform.wait_for_end(execution)
    finally:
        stop.set()
        asking.join()
    assert status == "Succeeded", platform.explain(execution)
    assert failures == []
    assert set(answers) == {seen["first"], seen["second"]}
    assert platform.ask("prod")["model"] == seen["second"]


def test_a_candidate_that_fails_the_gate_is_rejected_and_never_reaches_staging(platform, seen):
    staging_config = platform.live_config("staging")
    platform.edit("moderation.yaml", "macro_auroc: 0.65 ", "macro_auroc: 0.99999 ")
    platform.edit("moderation.yaml", "block_precision: 0.9", "block_precision: 0.8")
    trained = training_jobs(platform)
    policy = platform.stages(platform.executions[-1])["Evaluate"].outputs["POLICY_ID"]
    execution = platform.push("another policy, and a gate that nothing meets")
    assert platform.wait_for_end(execution) == "Failed"
    stages = platform.stages(execution)
    assert stages["Evaluate"].status == "Succeeded", platform.explain(execution)
    assert stages["Evaluate"].outputs["GATE"] == "FAIL"
    assert training_jobs(platform) == trained  # a policy needs no training
    assert stages["Evaluate"].outputs["POLICY_ID"] != policy
    assert "Staging" not in stages
    assert platform.live_config("staging") == staging_config
    rejected = stages["Evaluate"].outputs["MODEL_PACKAGE_ARN"]
    assert approval_status(platform, rejected) == "Rejected"
    assert platform.ask("prod")["model"] == seen["second"]
