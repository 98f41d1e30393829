# A release of an endpoint. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  project_name                            = "moderation"
  environment                             = "prod"
  endpoint_role_arn                       = "arn:aws:iam::123456789012:role/endpoint"
  kms_key_arn                             = "arn:aws:kms:us-east-1:123456789012:key/1"
  alarm_topic_arn                         = "arn:aws:sns:us-east-1:123456789012:alarms"
  log_retention_days                      = 30
  instance_type                           = "ml.m5.large"
  min_instances                           = 2
  max_instances                           = 6
  target_concurrent_requests_per_instance = 5
  canary_percent                          = 50
  canary_wait_seconds                     = 600
  termination_wait_seconds                = 300
  max_4xx_percent                         = 25
  max_5xx_percent                         = 1
  max_latency_p99_milliseconds            = 500
  releases = {
    v1-old = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/1", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/1/output/model.tar.gz", instance_count = 2 }
    v2-new = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/2", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/2/output/model.tar.gz", instance_count = 5 }
  }
  live_release = "v2-new"
}

run "a_release_moves_by_canary_and_alarms_take_it_back" {
  command = plan

  # The release before keeps its config: SageMaker may roll back to it at any moment of the update.
  assert {
    condition = (
      aws_sagemaker_endpoint.this.endpoint_config_name == "moderation-prod-v2-new" &&
      { for key, config in aws_sagemaker_endpoint_configuration.this : key => config.name } == { v1-old = "moderation-prod-v1-old", v2-new = "moderation-prod-v2-new" } &&
      output.model_package_arn == "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/2"
    )
    error_message = "another release than the live one is served, or the one before it is gone"
  }
  assert {
    condition     = alltrue([for key, config in aws_sagemaker_endpoint_configuration.this : config.production_variants[0].initial_instance_count == var.releases[key].instance_count])
    error_message = "a release starts with another number of instances than run now"
  }
  assert {
    condition     = aws_appautoscaling_target.this.min_capacity == 2 && aws_appautoscaling_target.this.max_capacity == 6
    error_message = "a release changes the limits of autoscaling"
  }
  assert {
    condition     = length(distinct([for config in aws_sagemaker_endpoint_configuration.this : config.production_variants[0].variant_name])) == 1 && endswith(aws_appautoscaling_target.this.resource_id, "/variant/${aws_sagemaker_endpoint_configuration.this["v2-new"].production_variants[0].variant_name}")
    error_message = "autoscaling belongs to another variant than the one that serves"
  }

  assert {
    condition = (
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "CANARY" &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].canary_size[0].value == 50 &&
      aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].maximum_execution_timeout_in_seconds > 600 + 300
    )
    error_message = "a release reaches everybody at once, or SageMaker gives up before the canary is through"
  }
  assert {
    condition     = toset([for alarm in aws_sagemaker_endpoint.this.deployment_config[0].auto_rollback_configuration[0].alarms : alarm.alarm_name]) == toset(["moderation-prod-4xx-rate", "moderation-prod-5xx-rate", "moderation-prod-latency-p99"])
    error_message = "an alarm rolls nothing back"
  }
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.error_rate), [aws_cloudwatch_metric_alarm.latency]) :
      alarm.treat_missing_data == "notBreaching" && alarm.alarm_actions == toset(["arn:aws:sns:us-east-1:123456789012:alarms"]) && alarm.evaluation_periods * 60 <= 600
    ])
    error_message = "an alarm fires without traffic, tells nobody, or needs longer than the canary lasts"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.threshold == 500000 && aws_cloudwatch_metric_alarm.error_rate["5xx-rate"].threshold == 1 && aws_cloudwatch_metric_alarm.error_rate["4xx-rate"].threshold == 25
    error_message = "ModelLatency comes in microseconds, and each error has its own limit"
  }

  assert {
    condition     = alltrue([for key, model in aws_sagemaker_model.this : model.enable_network_isolation && model.primary_container[0].environment.MODEL_PACKAGE_ARN == var.releases[key].model_package_arn])
    error_message = "a model can reach the network, or does not know which package it is"
  }
  # SageMaker deploys a package itself only once it is Approved, and staging comes before the approval.
  assert {
    condition     = alltrue([for key, model in aws_sagemaker_model.this : model.primary_container[0].model_package_name == null && model.primary_container[0].image == var.releases[key].image_uri && model.primary_container[0].model_data_url == var.releases[key].model_data_uri])
    error_message = "a model is made from an unapproved package, or from another package's image or archive"
  }
  assert {
    condition     = alltrue([for config in aws_sagemaker_endpoint_configuration.this : config.kms_key_arn == var.kms_key_arn])
    error_message = "an instance's volume is not encrypted with the key"
  }
}

run "without_a_canary_all_traffic_moves_at_once_and_nvme_takes_no_key" {
  command = plan
  variables {
    canary_percent = 0
    instance_type  = "ml.m5d.large"
  }

  assert {
    condition     = aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].type == "ALL_AT_ONCE" && length(aws_sagemaker_endpoint.this.deployment_config[0].blue_green_update_policy[0].traffic_routing_configuration[0].canary_size) == 0
    error_message = "SageMaker refuses a canary size when all traffic moves at once"
  }
  assert {
    condition     = alltrue([for config in aws_sagemaker_endpoint_configuration.this : config.kms_key_arn == null])
    error_message = "SageMaker refuses a key for instances with local NVMe disks"
  }
}

run "a_key_that_is_no_name_is_refused" {
  command = plan
  variables {
    releases = { "V1_old" = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/1", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/1/output/model.tar.gz", instance_count = 1 } }
  }
  expect_failures = [var.releases]
}

run "a_group_of_packages_is_refused" {
  command = plan
  variables {
    releases = { v2-new = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/moderation", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/2/output/model.tar.gz", instance_count = 1 } }
  }
  expect_failures = [var.releases]
}

run "an_image_without_a_tag_is_refused" {
  command = plan
  variables {
    releases = { v2-new = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/2", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference", model_data_uri = "s3://moderation-models/training/2/output/model.tar.gz", instance_count = 1 } }
  }
  expect_failures = [var.releases]
}

run "a_folder_in_place_of_a_model_is_refused" {
  command = plan
  variables {
    releases = { v2-new = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/2", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/2/output/", instance_count = 1 } }
  }
  expect_failures = [var.releases]
}

run "a_release_without_instances_is_refused" {
  command = plan
  variables {
    releases = { v2-new = { model_package_arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/moderation/2", image_uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/inference:1", model_data_uri = "s3://moderation-models/training/2/output/model.tar.gz", instance_count = 0 } }
  }
  expect_failures = [var.releases]
}

run "a_live_release_that_is_not_there_is_refused" {
  command = plan
  variables {
    live_release = "v3"
  }
  expect_failures = [var.live_release]
}
