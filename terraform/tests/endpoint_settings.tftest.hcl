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
  repository = "owner/name"
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

run "settings_at_their_limits_are_taken_each_by_its_own_environment" {
  command = plan
  variables {
    prod_endpoint = {
      min_instances            = 3
      max_instances            = 3
      canary_percent           = 34
      canary_wait_seconds      = 3600
      termination_wait_seconds = 0
      max_4xx_percent          = 100
    }
  }
  override_resource {
    target          = module.storage.aws_kms_key.this
    override_during = plan
    values          = { arn = "arn:aws:kms:us-east-1:123456789012:key/1" }
  }
  override_resource {
    target          = module.monitoring.aws_sns_topic.alarms
    override_during = plan
    values          = { arn = "arn:aws:sns:us-east-1:123456789012:moderation-alarms" }
  }
  override_resource {
    target          = module.identity.aws_iam_role.this["endpoint"]
    override_during = plan
    values          = { arn = "arn:aws:iam::123456789012:role/endpoint" }
  }

  assert {
    condition = {
      for environment, object in aws_s3_object.endpoint_settings : object.key => [
        jsondecode(object.content).environment, jsondecode(object.content).canary_percent, jsondecode(object.content).min_instances
      ]
      } == {
      "endpoint/staging/platform.tfvars.json" = ["staging", 0, 1]
      "endpoint/prod/platform.tfvars.json"    = ["prod", 34, 3]
    }
    error_message = "the deploy build finds the settings of another environment, or none"
  }
  assert {
    condition     = alltrue([for object in aws_s3_object.endpoint_settings : jsondecode(object.content).endpoint_role_arn == "arn:aws:iam::123456789012:role/endpoint"])
    error_message = "an endpoint runs with another role than its own"
  }
}

# One rule in each environment.
run "an_instance_type_of_ec2_and_no_instance_are_refused" {
  command = plan
  variables {
    staging_endpoint = { instance_type = "m5.large" }
    prod_endpoint    = { min_instances = 0, canary_percent = 0 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["staging"], aws_s3_object.endpoint_settings["prod"]]
}

run "a_ceiling_below_the_floor_and_a_canary_of_more_than_half_are_refused" {
  command = plan
  variables {
    staging_endpoint = { min_instances = 3, max_instances = 2 }
    prod_endpoint    = { canary_percent = 51 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["staging"], aws_s3_object.endpoint_settings["prod"]]
}

run "a_canary_of_less_than_one_instance_is_refused" {
  command = plan
  variables {
    prod_endpoint = { canary_percent = 33, min_instances = 3 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["prod"]]
}

run "waits_of_more_than_an_hour_or_less_than_nothing_are_refused" {
  command = plan
  variables {
    staging_endpoint = { canary_wait_seconds = 3601 }
    prod_endpoint    = { termination_wait_seconds = -1 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["staging"], aws_s3_object.endpoint_settings["prod"]]
}

run "shares_of_errors_beyond_all_or_of_nothing_are_refused" {
  command = plan
  variables {
    staging_endpoint = { max_4xx_percent = 101 }
    prod_endpoint    = { max_5xx_percent = 0 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["staging"], aws_s3_object.endpoint_settings["prod"]]
}

run "no_latency_and_no_requests_are_refused" {
  command = plan
  variables {
    staging_endpoint = { max_latency_p99_milliseconds = 0 }
    prod_endpoint    = { target_concurrent_requests_per_instance = 0 }
  }
  expect_failures = [aws_s3_object.endpoint_settings["staging"], aws_s3_object.endpoint_settings["prod"]]
}
