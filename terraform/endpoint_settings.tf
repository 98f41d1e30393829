# What a platform engineer decides about each endpoint, and what the platform knows, for the deploy build that applies
# terraform/endpoint. The other half, release.tfvars.json, is written by the build: which packages, which of them is live.
locals {
  endpoints = {
    staging = var.staging_endpoint
    prod    = var.prod_endpoint
  }

  # The same for every endpoint.
  endpoint_facts = {
    project_name       = var.project_name
    endpoint_role_arn  = module.identity.role_arns.endpoint
    kms_key_arn        = module.storage.kms_key_arn
    alarm_topic_arn    = module.monitoring.alarm_topic_arn
    log_retention_days = var.log_retention_days
  }
}

resource "aws_s3_object" "endpoint_settings" {
  # checkov:skip=CKV_AWS_186:The bucket encrypts with the project's key by default
  for_each = local.endpoints

  bucket       = module.storage.bucket_names.state
  key          = "endpoint/${each.key}/platform.tfvars.json"
  content_type = "application/json"
  content      = jsonencode(merge(each.value, local.endpoint_facts, { environment = each.key }))

  # Here and not at the two variables, so that each rule stands once.
  lifecycle {
    precondition {
      condition     = startswith(each.value.instance_type, "ml.")
      error_message = "${each.key}_endpoint.instance_type must be a SageMaker instance type such as ml.m5.large."
    }
    precondition {
      condition     = each.value.min_instances >= 1
      error_message = "${each.key}_endpoint.min_instances must be at least 1."
    }
    precondition {
      condition     = each.value.max_instances >= each.value.min_instances
      error_message = "${each.key}_endpoint.max_instances must not be below min_instances."
    }
    precondition {
      condition     = each.value.canary_percent >= 0 && each.value.canary_percent <= 50
      error_message = "${each.key}_endpoint.canary_percent must be between 1 and 50, or 0 to move all traffic at once."
    }
    precondition {
      condition     = each.value.canary_percent == 0 || each.value.canary_percent * each.value.min_instances >= 100
      error_message = "${each.key}_endpoint.canary_percent of min_instances must be at least one instance: raise one of them, or set canary_percent to 0."
    }
    precondition {
      condition     = each.value.canary_wait_seconds >= 0 && each.value.canary_wait_seconds <= 3600
      error_message = "${each.key}_endpoint.canary_wait_seconds must be between 0 and 3600."
    }
    precondition {
      condition     = each.value.termination_wait_seconds >= 0 && each.value.termination_wait_seconds <= 3600
      error_message = "${each.key}_endpoint.termination_wait_seconds must be between 0 and 3600."
    }
    precondition {
      condition     = each.value.max_latency_p99_milliseconds > 0
      error_message = "${each.key}_endpoint.max_latency_p99_milliseconds must be above 0."
    }
    precondition {
      condition     = each.value.max_4xx_percent > 0 && each.value.max_4xx_percent <= 100
      error_message = "${each.key}_endpoint.max_4xx_percent must be above 0 and at most 100."
    }
    precondition {
      condition     = each.value.max_5xx_percent > 0 && each.value.max_5xx_percent <= 100
      error_message = "${each.key}_endpoint.max_5xx_percent must be above 0 and at most 100."
    }
    precondition {
      condition     = each.value.target_concurrent_requests_per_instance > 0
      error_message = "${each.key}_endpoint.target_concurrent_requests_per_instance must be above 0."
    }
  }
}

# Platforms that were applied when each object had a module of its own.
moved {
  from = module.endpoint_settings["staging"].aws_s3_object.this
  to   = aws_s3_object.endpoint_settings["staging"]
}

moved {
  from = module.endpoint_settings["prod"].aws_s3_object.this
  to   = aws_s3_object.endpoint_settings["prod"]
}
