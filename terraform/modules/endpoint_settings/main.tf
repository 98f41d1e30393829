# What a platform engineer decides about one endpoint, for the deploy build that applies terraform/endpoint. Its other
# half, release.tfvars.json, is written by the build: which model packages, and which of them is live.
resource "aws_s3_object" "this" {
  # checkov:skip=CKV_AWS_186:The bucket encrypts with the project's key by default
  bucket       = var.state_bucket
  key          = "endpoint/${var.environment}/platform.tfvars.json"
  content_type = "application/json"
  content = jsonencode({
    project_name                            = var.project_name
    environment                             = var.environment
    endpoint_role_arn                       = var.endpoint_role_arn
    kms_key_arn                             = var.kms_key_arn
    alarm_topic_arn                         = var.alarm_topic_arn
    log_retention_days                      = var.log_retention_days
    instance_type                           = var.instance_type
    min_instances                           = var.min_instances
    max_instances                           = var.max_instances
    target_concurrent_requests_per_instance = var.target_concurrent_requests_per_instance
    canary_percent                          = var.canary_percent
    canary_wait_seconds                     = var.canary_wait_seconds
    termination_wait_seconds                = var.termination_wait_seconds
    max_4xx_percent                         = var.max_4xx_percent
    max_5xx_percent                         = var.max_5xx_percent
    max_latency_p99_milliseconds            = var.max_latency_p99_milliseconds
  })
}
