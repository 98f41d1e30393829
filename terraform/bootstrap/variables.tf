variable "project_name" {
  description = "Prefix of the bucket's name; the same as in the platform."
  type        = string
  default     = "moderation"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project_name))
    error_message = "project_name must be 3 to 20 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}
