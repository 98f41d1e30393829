# platform.tfvars.json, written by the platform (terraform/endpoint_settings.tf), gives all but the last two,
# release.tfvars.json, written by the deploy build, gives those.

variable "project_name" {
  description = "Prefix of every name."
  type        = string
}

variable "environment" {
  description = "staging or prod."
  type        = string
}

variable "endpoint_role_arn" {
  description = "Role that the containers run with and that SageMaker watches the alarms with."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of volumes and logs."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where the alarms are published."
  type        = string
}

variable "log_retention_days" {
  description = "How long the endpoint's logs are kept."
  type        = number
}

variable "instance_type" {
  description = "SageMaker instance type, for example ml.m5.large."
  type        = string
}

variable "min_instances" {
  description = "Autoscaling never goes below this."
  type        = number
}

variable "max_instances" {
  description = "Autoscaling never goes above this."
  type        = number
}

variable "target_concurrent_requests_per_instance" {
  description = "Autoscaling adds instances above this many requests in flight per instance."
  type        = number
}

variable "canary_percent" {
  description = "Share of the fleet that a release gets first; 0 moves all traffic at once."
  type        = number
}

variable "canary_wait_seconds" {
  description = "How long the alarms watch the canary (or, without one, the whole new fleet) before the release goes on."
  type        = number
}

variable "termination_wait_seconds" {
  description = "How long the old fleet stays after all traffic has moved."
  type        = number
}

variable "max_4xx_percent" {
  description = "Above this share of answers 4XX the release is rolled back. The container answers many failures with 400."
  type        = number
}

variable "max_5xx_percent" {
  description = "Above this share of answers 5XX the release is rolled back."
  type        = number
}

variable "max_latency_p99_milliseconds" {
  description = "Above this model latency, 99th percentile, the release is rolled back."
  type        = number
}

variable "releases" {
  description = "Release key to package, its image and archive, and number of instances to start with: the wanted release and the one before it."
  type        = map(object({ model_package_arn = string, image_uri = string, model_data_uri = string, instance_count = number }))
}

variable "live_release" {
  description = "The key of releases that the endpoint serves."
  type        = string
}
