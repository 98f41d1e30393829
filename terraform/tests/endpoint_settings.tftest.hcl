# What an endpoint may be set to. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  environment                             = "prod"
  state_bucket                            = "state"
  project_name                            = "moderation"
  endpoint_role_arn                       = "arn:aws:iam::123456789012:role/endpoint"
  kms_key_arn                             = "arn:aws:kms:us-east-1:123456789012:key/1"
  alarm_topic_arn                         = "arn:aws:sns:us-east-1:123456789012:alarms"
  log_retention_days                      = 30
  instance_type                           = "ml.m5.large"
  min_instances                           = 3
  max_instances                           = 3
  target_concurrent_requests_per_instance = 5
  canary_percent                          = 34
  canary_wait_seconds                     = 3600
  termination_wait_seconds                = 0
  max_4xx_percent                         = 100
  max_5xx_percent                         = 1
  max_latency_p99_milliseconds            = 500
}

run "settings_at_their_limits_are_taken" {
  command = plan
  module {
    source = "./modules/endpoint_settings"
  }
  assert {
    condition     = aws_s3_object.this.key == "endpoint/prod/platform.tfvars.json" && jsondecode(aws_s3_object.this.content).canary_percent == 34
    error_message = "the deploy build finds other settings, or none"
  }
}

run "settings_beyond_their_limits_are_refused" {
  command = plan
  module {
    source = "./modules/endpoint_settings"
  }
  variables {
    instance_type                           = "m5.large"
    min_instances                           = 0
    canary_wait_seconds                     = 3601
    termination_wait_seconds                = -1
    max_4xx_percent                         = 101
    max_5xx_percent                         = 0
    max_latency_p99_milliseconds            = 0
    target_concurrent_requests_per_instance = 0
  }
  expect_failures = [
    var.instance_type, var.min_instances, var.canary_wait_seconds, var.termination_wait_seconds, var.max_4xx_percent,
    var.max_5xx_percent, var.max_latency_p99_milliseconds, var.target_concurrent_requests_per_instance,
  ]
}

run "a_canary_of_more_than_half_and_a_ceiling_below_the_floor_are_refused" {
  command = plan
  module {
    source = "./modules/endpoint_settings"
  }
  variables {
    canary_percent = 51
    max_instances  = 2
  }
  expect_failures = [var.canary_percent, var.max_instances]
}

run "a_canary_of_less_than_one_instance_is_refused" {
  command = plan
  module {
    source = "./modules/endpoint_settings"
  }
  variables {
    canary_percent = 33
  }
  expect_failures = [var.canary_percent]
}
