variable "project_name" {
  description = "Prefix of every name."
  type        = string
}

variable "account_id" {
  description = "Account whose alarms and events may be published."
  type        = string
}

variable "region" {
  description = "Region of the metrics."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the alarm topic."
  type        = string
}

variable "pipeline_name" {
  description = "The pipeline that is watched."
  type        = string
}

variable "build_names" {
  description = "Build (check, prepare, ...) to the name of its CodeBuild project."
  type        = map(string)
}

variable "endpoint_names" {
  description = "Endpoint of each environment."
  type        = map(string)
}

variable "alarm_email" {
  description = "Is told about failures and alarms; null: nobody is."
  type        = string
}

variable "monthly_budget_usd" {
  description = "Costs per month above which alarm_email is written to; null: no budget."
  type        = number
}
