variable "environment" {
  description = "staging or prod."
  type        = string
}

variable "state_bucket" {
  description = "Where the deploy build looks for the settings."
  type        = string
}

variable "project_name" {
  description = "Prefix of every name."
  type        = string
}

variable "endpoint_role_arn" {
  description = "Role that the endpoint runs with."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of volumes and logs."
  type        = string
}

variable "alarm_topic_arn" {
  description = "Where the endpoint's alarms are published."
  type        = string
}

variable "log_retention_days" {
  description = "How long the endpoint's logs are kept."
  type        = number
}

variable "instance_type" {
  description = "SageMaker instance type."
  type        = string

  validation {
    condition     = startswith(var.instance_type, "ml.")
    error_message = "instance_type must be a SageMaker instance type such as ml.m5.large."
  }
}

variable "min_instances" {
  description = "Autoscaling never goes below this."
  type        = number

  validation {
    condition     = var.min_instances >= 1
    error_message = "min_instances must be at least 1."
  }
}

variable "max_instances" {
  description = "Autoscaling never goes above this."
  type        = number

  validation {
    condition     = var.max_instances >= var.min_instances
    error_message = "max_instances must not be below min_instances."
  }
}

variable "canary_percent" {
  description = "Share of the fleet that a release gets first; 0 moves all traffic at once."
  type        = number

  validation {
    condition     = var.canary_percent >= 0 && var.canary_percent <= 50
    error_message = "canary_percent must be between 1 and 50, or 0 to move all traffic at once."
  }
  validation {
    condition     = var.canary_percent == 0 || var.canary_percent * var.min_instances >= 100
    error_message = "canary_percent of min_instances must be at least one instance: raise one of them, or set canary_percent to 0."
  }
}

variable "canary_wait_seconds" {
  description = "How long the alarms watch the canary before the release goes on. Where an update takes longer than the hour that Terraform waits for it, the deploy build waits on and applies once more; its timeout grows with this."
  type        = number

  validation {
    condition     = var.canary_wait_seconds >= 0 && var.canary_wait_seconds <= 3600
    error_message = "canary_wait_seconds must be between 0 and 3600."
  }
}

variable "termination_wait_seconds" {
  description = "How long the old fleet stays after all traffic has moved; the deploy build waits for that, as for the canary."
  type        = number

  validation {
    condition     = var.termination_wait_seconds >= 0 && var.termination_wait_seconds <= 3600
    error_message = "termination_wait_seconds must be between 0 and 3600."
  }
}

variable "max_latency_p99_milliseconds" {
  description = "Above this model latency, 99th percentile, a release is rolled back."
  type        = number

  validation {
    condition     = var.max_latency_p99_milliseconds > 0
    error_message = "max_latency_p99_milliseconds must be above 0."
  }
}

variable "max_4xx_percent" {
  description = "Above this share of answers 4XX a release is rolled back."
  type        = number

  validation {
    condition     = var.max_4xx_percent > 0 && var.max_4xx_percent <= 100
    error_message = "max_4xx_percent must be above 0 and at most 100."
  }
}

variable "max_5xx_percent" {
  description = "Above this share of answers 5XX a release is rolled back."
  type        = number

  validation {
    condition     = var.max_5xx_percent > 0 && var.max_5xx_percent <= 100
    error_message = "max_5xx_percent must be above 0 and at most 100."
  }
}

variable "target_concurrent_requests_per_instance" {
  description = "Autoscaling adds instances above this many requests in flight per instance."
  type        = number

  validation {
    condition     = var.target_concurrent_requests_per_instance > 0
    error_message = "target_concurrent_requests_per_instance must be above 0."
  }
}
