variable "project_name" {
  description = "Prefix of every name."
  type        = string
}

variable "account_id" {
  description = "Account that owns the key and the buckets."
  type        = string
}

variable "region" {
  description = "Region of the key and the buckets."
  type        = string
}

variable "model_package_group_name" {
  description = "Model Registry group of all candidates."
  type        = string
}

variable "force_destroy" {
  description = "Whether destroy may delete buckets that are not empty."
  type        = bool
}
