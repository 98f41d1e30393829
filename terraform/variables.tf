variable "project_name" {
  description = "Prefix of every name; a bucket is <project_name>-<purpose>-<account id>-<region>."
  type        = string
  default     = "moderation"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.project_name))
    error_message = "project_name must be 3 to 20 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen."
  }
}

# Source

variable "source_provider" {
  description = "Where a push comes from: connection (GitHub, GitLab, Bitbucket), codecommit or s3."
  type        = string
  default     = "connection"

  validation {
    condition     = contains(["connection", "codecommit", "s3"], var.source_provider)
    error_message = "source_provider must be connection, codecommit or s3."
  }
}

variable "repository" {
  description = "connection: owner/name. codecommit: the name of an existing repository. s3: the archive is source/<repository>.zip in the artifacts bucket."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", var.repository))
    error_message = "repository must be made of letters, digits, dots, hyphens and underscores, with single slashes between its parts."
  }
  validation {
    condition     = var.source_provider != "connection" || strcontains(var.repository, "/")
    error_message = "repository must be owner/name when source_provider is connection."
  }
  validation {
    condition     = var.source_provider != "codecommit" || !strcontains(var.repository, "/")
    error_message = "repository must be a plain CodeCommit name, without a slash, when source_provider is codecommit."
  }
}

variable "branch" {
  description = "The branch whose pushes start the pipeline."
  type        = string
  default     = "main"
}

variable "connection_arn" {
  description = "An existing CodeConnections connection; null creates one, which a person then confirms in the console."
  type        = string
  default     = null

  validation {
    condition     = var.connection_arn == null || can(regex("^arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/", var.connection_arn))
    error_message = "connection_arn must be the ARN of a connection, arn:aws:codeconnections:<region>:<account>:connection/<id>."
  }
}

variable "connection_provider_type" {
  description = "Host of the repository, for a connection that is created here: GitHub, GitLab or Bitbucket."
  type        = string
  default     = "GitHub"

  validation {
    condition     = contains(["GitHub", "GitLab", "Bitbucket"], var.connection_provider_type)
    error_message = "connection_provider_type must be GitHub, GitLab or Bitbucket."
  }
}

# Images; null takes the AWS Deep Learning Container named in images.tf

variable "training_image_uri" {
  description = "ECR image of training jobs; null: PyTorch for CPU. Set a GPU image together with a GPU instance type."
  type        = string
  default     = null

  validation {
    condition     = var.training_image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+[:@].+$", var.training_image_uri))
    error_message = "training_image_uri must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> (or @<digest>)."
  }
}

variable "processing_image_uri" {
  description = "ECR image of the prepare and evaluate jobs; null: the training image."
  type        = string
  default     = null

  validation {
    condition     = var.processing_image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+[:@].+$", var.processing_image_uri))
    error_message = "processing_image_uri must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> (or @<digest>)."
  }
}

variable "inference_image_uri" {
  description = "ECR image of the endpoints; null: Hugging Face inference for CPU. AWS lists none in ap-east-2, ap-southeast-5, ap-southeast-6, ap-southeast-7 and mx-central-1: there, set one that you have copied into an ECR of the region."
  type        = string
  default     = null

  validation {
    condition     = var.inference_image_uri == null || can(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/[a-z0-9._/-]+[:@].+$", var.inference_image_uri))
    error_message = "inference_image_uri must be <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag> (or @<digest>)."
  }
}

# Jobs

variable "training" {
  description = "The training job: instances, EBS volume of each, hard limit on its run time, spot."
  type = object({
    instance_type   = optional(string, "ml.m5.xlarge")
    instance_count  = optional(number, 2)
    volume_gb       = optional(number, 30)
    max_run_seconds = optional(number, 10800)
    use_spot        = optional(bool, false)
  })
  default = {}

  validation {
    condition     = startswith(var.training.instance_type, "ml.")
    error_message = "training.instance_type must be a SageMaker instance type such as ml.m5.xlarge."
  }
  validation {
    condition     = var.training.instance_count >= 1 && var.training.instance_count <= 20 && floor(var.training.instance_count) == var.training.instance_count
    error_message = "training.instance_count must be a whole number from 1 to 20."
  }
  validation {
    condition     = var.training.volume_gb >= 10 && var.training.volume_gb <= 16384
    error_message = "training.volume_gb must be between 10 and 16384."
  }
  validation {
    # A spot job may wait as long again for capacity, and a CodeBuild action is over after 8 hours.
    condition     = var.training.max_run_seconds >= 300 && var.training.max_run_seconds * (var.training.use_spot ? 2 : 1) <= 27000
    error_message = "training.max_run_seconds must be between 300 and 27000 (with spot 13500): the build that waits for the job has 8 hours."
  }
}

variable "processing" {
  description = "The prepare and evaluate jobs: instance, instances that read raw files, EBS volume, hard limit on the run time of each job. With more than one instance, one job reads the files and another makes the dataset."
  type = object({
    instance_type   = optional(string, "ml.m5.xlarge")
    instance_count  = optional(number, 1)
    volume_gb       = optional(number, 30)
    max_run_seconds = optional(number, 3600)
  })
  default = {}

  validation {
    condition     = startswith(var.processing.instance_type, "ml.")
    error_message = "processing.instance_type must be a SageMaker instance type such as ml.m5.xlarge."
  }
  validation {
    condition     = var.processing.instance_count >= 1 && var.processing.instance_count <= 20 && floor(var.processing.instance_count) == var.processing.instance_count
    error_message = "processing.instance_count must be a whole number from 1 to 20."
  }
  validation {
    condition     = var.processing.volume_gb >= 10 && var.processing.volume_gb <= 16384
    error_message = "processing.volume_gb must be between 10 and 16384."
  }
  validation {
    # Of two jobs, one after the other, each may take half an hour to find its instances.
    condition     = var.processing.max_run_seconds >= 300 && var.processing.max_run_seconds <= (var.processing.instance_count > 1 ? 12600 : 27000)
    error_message = "processing.max_run_seconds must be between 300 and 27000 (with several instances 12600, for two jobs): the build that waits has 8 hours."
  }
}

# Endpoints. endpoint/variables.tf says what each value means, endpoint_settings.tf what it may be.

variable "staging_endpoint" {
  description = "The staging endpoint: size, how traffic moves to a release, when an alarm rolls it back."
  type = object({
    instance_type                           = optional(string, "ml.m5.large")
    min_instances                           = optional(number, 1)
    max_instances                           = optional(number, 1)
    canary_percent                          = optional(number, 0)
    canary_wait_seconds                     = optional(number, 120)
    termination_wait_seconds                = optional(number, 0)
    max_latency_p99_milliseconds            = optional(number, 2000)
    max_4xx_percent                         = optional(number, 50)
    max_5xx_percent                         = optional(number, 5)
    target_concurrent_requests_per_instance = optional(number, 5)
  })
  default = {}
}

variable "prod_endpoint" {
  description = "The prod endpoint: size, how traffic moves to a release, when an alarm rolls it back."
  type = object({
    instance_type                           = optional(string, "ml.m5.large")
    min_instances                           = optional(number, 2)
    max_instances                           = optional(number, 6)
    canary_percent                          = optional(number, 50)
    canary_wait_seconds                     = optional(number, 600)
    termination_wait_seconds                = optional(number, 300)
    max_latency_p99_milliseconds            = optional(number, 1000)
    max_4xx_percent                         = optional(number, 25)
    max_5xx_percent                         = optional(number, 1)
    target_concurrent_requests_per_instance = optional(number, 5)
  })
  default = {}
}

# People and money

variable "approval_timeout_minutes" {
  description = "How long a release waits for a person before the execution fails."
  type        = number
  default     = 10080

  validation {
    condition     = var.approval_timeout_minutes >= 5 && var.approval_timeout_minutes <= 86400
    error_message = "approval_timeout_minutes must be between 5 and 86400 (60 days)."
  }
}

variable "alarm_email" {
  description = "Gets approvals, failures, alarms and the budget; null: nobody is written to. AWS asks the address to confirm."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alarm_email))
    error_message = "alarm_email must be an e-mail address."
  }
}

variable "monthly_budget_usd" {
  description = "Writes to alarm_email at 80 % and at a forecast of 100 % of this; null: no budget. It counts what carries the tag Project, which must be activated as a cost allocation tag."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0 && var.alarm_email != null, false)
    error_message = "monthly_budget_usd must be above 0 and needs alarm_email, which it writes to."
  }
}

variable "log_retention_days" {
  description = "How long build and endpoint logs are kept; a value that CloudWatch Logs knows."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "force_destroy" {
  description = "Lets `terraform destroy` delete buckets with everything in them: data, models and releases."
  type        = bool
  default     = false
}
