variable "project_name" {
  description = "Name of the pipeline and prefix of its builds."
  type        = string
}

variable "role_arns" {
  description = "Actor (pipeline, check, prepare, train, ...) to the ARN of its role."
  type        = map(string)
}

variable "bucket_names" {
  description = "Names of the buckets."
  type        = object({ artifacts = string, data = string, models = string, state = string })
}

variable "kms_key_arn" {
  description = "Key of artifacts, logs and the approval topic."
  type        = string
}

variable "pipeline_source" {
  description = "Provider (connection, codecommit or s3), repository, branch, and the ARN the source is read from."
  type        = object({ provider = string, repository = string, branch = string, arn = string })
}

variable "model_package_group_name" {
  description = "Model Registry group of all candidates."
  type        = string
}

variable "endpoint_names" {
  description = "Endpoint of each environment."
  type        = object({ staging = string, prod = string })
}

variable "images" {
  description = "ECR image of each kind of container."
  type        = object({ training = string, processing = string, inference = string })
}

variable "training" {
  description = "The training job."
  type        = object({ instance_type = string, instance_count = number, volume_gb = number, max_run_seconds = number, use_spot = bool })
}

variable "processing" {
  description = "The prepare and evaluate jobs."
  type        = object({ instance_type = string, instance_count = number, volume_gb = number, max_run_seconds = number })
}

variable "endpoint_wait_seconds" {
  description = "How long an update of each endpoint waits on purpose: canary and termination together."
  type        = object({ staging = number, prod = number })
}

variable "approval_timeout_minutes" {
  description = "How long a release waits for a person."
  type        = number
}

variable "approval_email" {
  description = "Is told when a release waits; null: nobody is."
  type        = string
}

variable "log_retention_days" {
  description = "How long build logs are kept."
  type        = number
}
