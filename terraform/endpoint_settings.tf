# What a platform engineer decides about an endpoint, for the deploy build that applies terraform/endpoint.
# Its other half, release.tfvars.json, is written by the build: which model packages, and which of them is live.
locals {
  endpoint_settings = {
    staging = var.staging_endpoint
    prod    = var.prod_endpoint
  }
  endpoint_wait_seconds = {
    for environment, settings in local.endpoint_settings :
    environment => settings.canary_wait_seconds + settings.termination_wait_seconds
  }
}

resource "aws_s3_object" "endpoint_settings" {
  for_each = local.endpoint_settings

  bucket       = module.storage.bucket_names.state
  key          = "endpoint/${each.key}/platform.tfvars.json"
  content_type = "application/json"
  content = jsonencode(merge(each.value, {
    project_name       = var.project_name
    environment        = each.key
    endpoint_role_arn  = module.identity.role_arns.endpoint
    kms_key_arn        = module.storage.kms_key_arn
    alarm_topic_arn    = module.monitoring.alarm_topic_arn
    log_retention_days = var.log_retention_days
  }))

  lifecycle {
    precondition {
      condition     = startswith(each.value.instance_type, "ml.")
      error_message = "${each.key}_endpoint.instance_type must be a SageMaker instance type such as ml.m5.large."
    }
    precondition {
      condition     = each.value.min_instances >= 1 && each.value.min_instances <= each.value.max_instances
      error_message = "${each.key}_endpoint.min_instances must be at least 1 and not above max_instances."
    }
    precondition {
      condition     = each.value.canary_percent >= 0 && each.value.canary_percent <= 50
      error_message = "${each.key}_endpoint.canary_percent must be between 1 and 50, or 0 to move all traffic at once."
    }
    precondition {
      # SageMaker takes at most half of the instances for the canary, and at least one.
      condition     = each.value.canary_percent * each.value.min_instances >= 100 || each.value.canary_percent == 0
      error_message = "${each.key}_endpoint.canary_percent of min_instances must be at least one instance: raise one of them, or set canary_percent to 0."
    }
    precondition {
      condition     = min(each.value.canary_wait_seconds, each.value.termination_wait_seconds) >= 0 && max(each.value.canary_wait_seconds, each.value.termination_wait_seconds) <= 3600
      error_message = "${each.key}_endpoint.canary_wait_seconds and termination_wait_seconds must be between 0 and 3600."
    }
    precondition {
      condition     = min(each.value.max_4xx_percent, each.value.max_5xx_percent) > 0 && max(each.value.max_4xx_percent, each.value.max_5xx_percent) <= 100
      error_message = "${each.key}_endpoint.max_4xx_percent and max_5xx_percent must be above 0 and at most 100."
    }
    precondition {
      condition     = each.value.max_latency_p99_milliseconds > 0 && each.value.target_concurrent_requests_per_instance > 0
      error_message = "${each.key}_endpoint.max_latency_p99_milliseconds and target_concurrent_requests_per_instance must be above 0."
    }
  }
}
