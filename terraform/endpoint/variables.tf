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
  description = "How long the alarms watch the canary (or, without one, the whole new fleet) before the release goes on. Where an update takes longer than the hour that Terraform waits for it, the deploy build waits on and applies once more; its timeout grows with this."
  type        = number
}

variable "termination_wait_seconds" {
  description = "How long the old fleet stays after all traffic has moved; the deploy build waits for that, as for the canary."
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

  validation {
    condition     = alltrue([for key in keys(var.releases) : can(regex("^[a-z0-9][a-z0-9-]{0,30}$", key))])
    error_message = "a key of releases must be 1 to 31 lower-case letters, digits and hyphens: it ends the names of a model and an endpoint config."
  }
  validation {
    condition     = alltrue([for release in values(var.releases) : can(regex("^arn:[a-z-]+:sagemaker:[a-z0-9-]+:[0-9]{12}:model-package/[A-Za-z0-9-]+/[0-9]+$", release.model_package_arn))])
    error_message = "releases[*].model_package_arn must be the ARN of one version of a model package, never of a group: arn:aws:sagemaker:<region>:<account>:model-package/<group>/<version>."
  }
  validation {
    condition     = alltrue([for release in values(var.releases) : can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+[:@].+$", release.image_uri))])
    error_message = "releases[*].image_uri must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> (or @<digest>)."
  }
  validation {
    condition     = alltrue([for release in values(var.releases) : can(regex("^s3://[^/]+/.+\\.tar\\.gz$", release.model_data_uri))])
    error_message = "releases[*].model_data_uri must be the archive of a model: s3://<bucket>/<key>.tar.gz."
  }
  validation {
    condition     = alltrue([for release in values(var.releases) : release.instance_count >= 1])
    error_message = "releases[*].instance_count must be at least 1."
  }
}

variable "live_release" {
  description = "The key of releases that the endpoint serves."
  type        = string

  validation {
    condition     = contains(keys(var.releases), var.live_release)
    error_message = "live_release must be a key of releases."
  }
}
