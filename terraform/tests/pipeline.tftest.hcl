# The pipeline as CodePipeline would get it. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  project_name             = "moderation"
  role_arns                = { pipeline = "arn:aws:iam::123456789012:role/pipeline", check = "arn:aws:iam::123456789012:role/check", prepare = "arn:aws:iam::123456789012:role/prepare", train = "arn:aws:iam::123456789012:role/train", evaluate = "arn:aws:iam::123456789012:role/evaluate", deploy-staging = "arn:aws:iam::123456789012:role/staging", deploy-prod = "arn:aws:iam::123456789012:role/prod", training = "arn:aws:iam::123456789012:role/training", processing = "arn:aws:iam::123456789012:role/processing", events = "arn:aws:iam::123456789012:role/events" }
  bucket_names             = { artifacts = "artifacts", data = "data", models = "models", state = "state" }
  kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  pipeline_source          = { provider = "connection", repository = "owner/name", branch = "main", arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/1" }
  model_package_group_name = "moderation"
  endpoint_names           = { staging = "moderation-staging", prod = "moderation-prod" }
  images                   = { training = "training-image", processing = "processing-image", inference = "inference-image" }
  training                 = { instance_type = "ml.m5.xlarge", instance_count = 2, volume_gb = 30, max_run_seconds = 13500, use_spot = true }
  processing               = { instance_type = "ml.m5.xlarge", instance_count = 1, volume_gb = 30, max_run_seconds = 7261 }
  endpoint_wait_seconds    = { staging = 120, prod = 4000 }
  approval_timeout_minutes = 60
  approval_email           = null
  log_retention_days       = 30
}

override_resource {
  target          = aws_sns_topic.approvals
  override_during = plan
  values          = { arn = "arn:aws:sns:us-east-1:123456789012:moderation-approvals" }
}

run "a_push_passes_the_gate_and_a_person_before_prod" {
  command = plan
  module {
    source = "./modules/pipeline"
  }

  assert {
    condition     = [for stage in aws_codepipeline.this.stage : stage.name] == ["Source", "Check", "Prepare", "Train", "Evaluate", "Staging", "Approve", "Prod"]
    error_message = "the stages are not those of docs/architecture.md"
  }
  assert {
    condition     = alltrue([for stage in aws_codepipeline.this.stage : length(stage.action) == 1 && stage.action[0].name == stage.name && stage.action[0].namespace == stage.name])
    error_message = "each stage has one action, and it and its variables are named like the stage"
  }
  assert {
    condition     = aws_codepipeline.this.pipeline_type == "V2" && aws_codepipeline.this.execution_mode == "QUEUED"
    error_message = "a later push may replace what a person is about to approve"
  }
  assert {
    condition     = [for stage in aws_codepipeline.this.stage : stage.name if length(stage.before_entry) > 0] == ["Staging"]
    error_message = "another stage than Staging has an entry condition, or Staging has none"
  }
  assert {
    condition = (
      aws_codepipeline.this.stage[5].before_entry[0].condition[0].result == "FAIL" &&
      aws_codepipeline.this.stage[5].before_entry[0].condition[0].rule[0].rule_type_id[0].provider == "VariableCheck" &&
      aws_codepipeline.this.stage[5].before_entry[0].condition[0].rule[0].configuration == tomap({ Variable = "#{Evaluate.GATE}", Operator = "EQ", Value = "PASS" })
    )
    error_message = "a candidate that failed the gate may reach staging"
  }

  # The very package that was evaluated goes to staging and to prod.
  assert {
    condition = alltrue([
      for number in [5, 7] : contains(jsondecode(aws_codepipeline.this.stage[number].action[0].configuration.EnvironmentVariables), { name = "MODEL_PACKAGE_ARN", value = "#{Evaluate.MODEL_PACKAGE_ARN}" })
    ])
    error_message = "staging or prod gets another package than the one that was evaluated"
  }
  # While a release waits for its approval another one may go live.
  assert {
    condition     = contains(jsondecode(aws_codepipeline.this.stage[7].action[0].configuration.EnvironmentVariables), { name = "CHAMPION_PACKAGE_ARN", value = "#{Evaluate.CHAMPION_PACKAGE_ARN}" })
    error_message = "prod can't tell whether the release was evaluated against what is live now"
  }
  assert {
    condition     = [for stage in aws_codepipeline.this.stage : stage.action[0].configuration.ProjectName if stage.action[0].provider == "CodeBuild"] == ["moderation-check", "moderation-prepare", "moderation-train", "moderation-evaluate", "moderation-deploy-staging", "moderation-deploy-prod"]
    error_message = "a stage runs another build than its own"
  }
  assert {
    condition = {
      for build in ["deploy-staging", "deploy-prod"] : build => one([for variable in aws_codebuild_project.this[build].environment[0].environment_variable : variable.value if variable.name == "ENVIRONMENT"])
    } == { deploy-staging = "staging", deploy-prod = "prod" }
    error_message = "a deploy build applies another environment than its own"
  }

  # Limits of CodePipeline: 1,000 characters for a configuration value, also for the message with its variables filled in:
  # a summary of 280, an ARN of 120, a version and a commit of 64 each, five scores, a list of row counts, a difference of
  # 26, labels of 30 with a difference or a share, and a policy of 14.
  assert {
    condition     = alltrue(flatten([for stage in aws_codepipeline.this.stage : [for value in values(stage.action[0].configuration) : length(value) <= 1000]]))
    error_message = "a configuration value of an action is longer than 1,000 characters"
  }
  assert {
    condition     = length(replace(local.approval_text, "/#\\{[^}]+\\}/", "")) + 280 + 120 + 2 * 64 + 5 * 8 + 60 + 26 + 57 + 37 + 14 <= 1000
    error_message = "the approval's message may become longer than 1,000 characters"
  }
  assert {
    condition     = alltrue([for name in ["MACRO_AVERAGE_PRECISION", "MACRO_AUROC", "MACRO_F1", "CHAMPION_MACRO_AVERAGE_PRECISION", "AGAINST_CHAMPION", "WORST_LABEL", "MOST_FLIPS", "FALSE_POSITIVES_PER_1000_CLEAN", "GATE_SUMMARY", "MODEL_PACKAGE_ARN", "POLICY_ID"] : strcontains(local.approval_text, "#{Evaluate.${name}}")])
    error_message = "the approval does not say what is approved"
  }

  # One push, one execution.
  assert {
    condition     = aws_codepipeline.this.stage[0].action[0].configuration.DetectChanges == "false" && length(aws_codepipeline.this.trigger) == 1 && length(aws_cloudwatch_event_rule.source) == 0
    error_message = "a push starts the pipeline twice, or not at all"
  }
  assert {
    condition     = aws_codepipeline.this.trigger[0].git_configuration[0].push[0].branches[0].includes == tolist(["main"]) && contains(aws_codepipeline.this.trigger[0].git_configuration[0].push[0].file_paths[0].excludes, "docs/**")
    error_message = "another branch, or documentation alone, starts the pipeline"
  }

  # A build outlives the job that it waits for: 13,500 s of training and as long again for spot capacity.
  assert {
    condition = (
      aws_codebuild_project.this["train"].build_timeout * 60 >= 2 * 13500 + 1200 &&
      aws_codebuild_project.this["prepare"].build_timeout * 60 >= 7261 + 1200 &&
      aws_codebuild_project.this["evaluate"].build_timeout * 60 >= 7261 + 1200 &&
      aws_codebuild_project.this["deploy-prod"].build_timeout * 60 >= 4000 + 2700 &&
      alltrue([for project in values(aws_codebuild_project.this) : project.build_timeout <= 480 + 30])
    )
    error_message = "a build is over before its job, or after the 8 hours of its action"
  }
  assert {
    condition     = alltrue([for group in values(aws_cloudwatch_log_group.build) : group.retention_in_days == 30 && group.kms_key_id == var.kms_key_arn])
    error_message = "a build's log is kept for ever or in clear"
  }
}

run "several_instances_read_and_the_build_outlives_both_jobs" {
  command = plan
  module {
    source = "./modules/pipeline"
  }
  variables {
    processing = { instance_type = "ml.m5.xlarge", instance_count = 4, volume_gb = 30, max_run_seconds = 12600 }
  }

  assert {
    condition     = one([for variable in aws_codebuild_project.this["prepare"].environment[0].environment_variable : variable.value if variable.name == "PROCESSING_INSTANCE_COUNT"]) == "4"
    error_message = "the build reads with another number of instances than was asked for"
  }
  assert {
    condition = (
      aws_codebuild_project.this["prepare"].build_timeout * 60 >= 2 * (12600 + 1200) &&
      aws_codebuild_project.this["prepare"].build_timeout <= 480 &&
      aws_codebuild_project.this["evaluate"].build_timeout * 60 < 2 * 12600
    )
    error_message = "the prepare build is over before its two jobs or after its action, or the evaluate build waits for a second job"
  }
}

run "a_change_in_codecommit_starts_the_pipeline" {
  command = plan
  module {
    source = "./modules/pipeline"
  }
  variables {
    pipeline_source = { provider = "codecommit", repository = "moderation", branch = "main", arn = "arn:aws:codecommit:us-east-1:123456789012:moderation" }
  }

  assert {
    condition     = length(aws_codepipeline.this.trigger) == 0 && aws_codepipeline.this.stage[0].action[0].configuration.PollForSourceChanges == "false" && jsondecode(aws_cloudwatch_event_rule.source[0].event_pattern).detail.referenceName == ["main"]
    error_message = "CodeCommit starts the pipeline twice, for another branch, or not at all"
  }
}

run "an_archive_in_s3_starts_the_pipeline_and_has_a_version_for_a_commit" {
  command = plan
  module {
    source = "./modules/pipeline"
  }
  variables {
    pipeline_source = { provider = "s3", repository = "owner/name", branch = "main", arn = "arn:aws:s3:::artifacts/source/owner/name.zip" }
    approval_email  = "team@example.com"
  }

  assert {
    condition     = aws_codepipeline.this.stage[0].action[0].configuration.S3ObjectKey == "source/owner/name.zip" && jsondecode(aws_cloudwatch_event_rule.source[0].event_pattern).detail.object.key == ["source/owner/name.zip"] && aws_s3_bucket_notification.source[0].eventbridge
    error_message = "the archive that starts the pipeline is not the one that it reads"
  }
  assert {
    condition     = contains(jsondecode(aws_codepipeline.this.stage[1].action[0].configuration.EnvironmentVariables), { name = "COMMIT_ID", value = "#{Source.VersionId}" })
    error_message = "an archive has no commit: the build would be told an unresolved variable"
  }
  assert {
    condition     = aws_sns_topic_subscription.approvals[0].endpoint == "team@example.com"
    error_message = "nobody is told that a release waits"
  }
}
