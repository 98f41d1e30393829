variable "project_name" {
  description = "Prefix of every name, and so of every resource that a role may touch."
  type        = string
}

variable "account_id" {
  description = "Account that owns everything."
  type        = string
}

variable "region" {
  description = "Region of everything."
  type        = string
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
}

variable "bucket_arns" {
  description = "ARNs of the buckets."
  type        = object({ artifacts = string, data = string, models = string, state = string })
}

variable "kms_key_arn" {
  description = "Key of buckets, volumes, logs and topics."
  type        = string
}

variable "model_package_group_name" {
  description = "Model Registry group of all candidates."
  type        = string
}

variable "endpoint_names" {
  description = "Endpoint of each environment."
  type        = object({ staging = string, prod = string })
}

variable "job_image_uris" {
  description = "ECR images that training and processing jobs run."
  type        = list(string)
}

variable "inference_image_uri" {
  description = "ECR image that the endpoints run."
  type        = string
}

variable "pipeline_source" {
  description = "What the pipeline reads its source from: connection, codecommit or s3, and its ARN."
  type        = object({ provider = string, arn = string })
}
