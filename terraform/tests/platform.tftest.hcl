# The platform as a whole, and the words that its variables refuse. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  repository = "owner/name"
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

run "the_defaults_are_enough" {
  command = plan

  assert {
    condition     = local.endpoints.prod.min_instances >= 2 && local.endpoints.prod.canary_percent > 0
    error_message = "by default, prod has one instance or takes a release without a canary"
  }
  assert {
    condition     = local.training_image_uri == "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313-ubuntu22.04-sagemaker" && local.processing_image_uri == local.training_image_uri && var.training.instance_count == 2 && var.processing.instance_count == 1
    error_message = "by default, training is not distributed on the CPU image"
  }
  assert {
    condition     = length(aws_codeconnections_connection.source) == 1 && output.pipeline_name == "moderation" && output.source_repository == "owner/name" && output.source_archive == null && output.pipeline_console_url == "https://us-east-1.console.aws.amazon.com/codesuite/codepipeline/pipelines/moderation/view"
    error_message = "the outputs lead elsewhere"
  }
}

run "a_source_in_s3_says_where_to_upload" {
  command = plan
  variables {
    source_provider = "s3"
    repository      = "moderation"
  }
  override_resource {
    target          = module.storage.aws_s3_bucket.this
    override_during = plan
    values          = { id = "bucket", arn = "arn:aws:s3:::bucket" }
  }

  assert {
    condition     = output.source_archive == "s3://bucket/source/moderation.zip" && local.source.arn == "arn:aws:s3:::bucket/source/moderation.zip"
    error_message = "the upload that is asked for is not the one that the pipeline reads"
  }
}

# Each variable has its own broken value; a second run breaks what a variable checks second, and so on. Rules that look
# at a second variable come in a run where that one is sound.
run "first_rule_of_each_variable" {
  command = plan
  variables {
    project_name             = "Moderation"
    source_provider          = "svn"
    connection_arn           = "arn:aws:codecommit:us-east-1:123456789012:x"
    connection_provider_type = "Gitea"
    training_image_uri       = "pytorch:latest"
    processing_image_uri     = "pytorch:latest"
    inference_image_uri      = "pytorch:latest"
    training                 = { instance_type = "m5.xlarge" }
    processing               = { instance_type = "m5.xlarge" }
    approval_timeout_minutes = 4
    alarm_email              = "nobody"
    log_retention_days       = 31
  }
  expect_failures = [
    var.project_name, var.source_provider, var.connection_arn, var.connection_provider_type,
    var.training_image_uri, var.processing_image_uri, var.inference_image_uri, var.training, var.processing,
    var.approval_timeout_minutes, var.alarm_email, var.log_retention_days,
  ]
}

run "second_rule_of_each_variable" {
  command = plan
  variables {
    project_name             = "a-name-of-21-letters-x"
    repository               = "name-without-owner"
    training                 = { instance_count = 21 }
    processing               = { instance_count = 21 }
    approval_timeout_minutes = 86401
    monthly_budget_usd       = 100 # without an address to write to
  }
  expect_failures = [
    var.project_name, var.repository, var.training, var.processing, var.approval_timeout_minutes, var.monthly_budget_usd,
  ]
}

run "third_rule_of_each_variable" {
  command = plan
  variables {
    source_provider = "codecommit"
    repository      = "owner/name"
    training        = { volume_gb = 9 }
    processing      = { volume_gb = 9 }
  }
  expect_failures = [var.repository, var.training, var.processing]
}

run "fourth_rule_of_each_variable" {
  command = plan
  variables {
    repository         = "owner//name"
    alarm_email        = "team@example.com"
    monthly_budget_usd = 0
    training           = { max_run_seconds = 13501, use_spot = true } # without spot, that would do
    processing         = { max_run_seconds = 27001 }
  }
  expect_failures = [var.repository, var.monthly_budget_usd, var.training, var.processing]
}

run "fifth_rule_of_each_variable" {
  command = plan
  variables {
    processing = { instance_count = 2, max_run_seconds = 12601 } # with one instance, that would do
  }
  expect_failures = [var.processing]
}

run "instances_are_whole" {
  command = plan
  variables {
    processing = { instance_count = 1.5 }
  }
  expect_failures = [var.processing]
}
