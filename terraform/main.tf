data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.name

  endpoint_names = {
    staging = "${var.project_name}-staging"
    prod    = "${var.project_name}-prod"
  }
  model_package_group_name = var.project_name
}

module "storage" {
  source = "./modules/storage"

  project_name             = var.project_name
  account_id               = local.account_id
  region                   = local.region
  model_package_group_name = local.model_package_group_name
  force_destroy            = var.force_destroy
}

module "identity" {
  source = "./modules/identity"

  project_name             = var.project_name
  account_id               = local.account_id
  region                   = local.region
  partition                = local.partition
  bucket_arns              = module.storage.bucket_arns
  kms_key_arn              = module.storage.kms_key_arn
  model_package_group_name = local.model_package_group_name
  endpoint_names           = local.endpoint_names
  job_image_uris           = distinct([local.training_image_uri, local.processing_image_uri])
  inference_image_uri      = local.inference_image_uri
  pipeline_source          = { provider = local.source.provider, arn = local.source.arn }
}

module "pipeline" {
  source = "./modules/pipeline"

  project_name             = var.project_name
  role_arns                = module.identity.role_arns
  bucket_names             = module.storage.bucket_names
  kms_key_arn              = module.storage.kms_key_arn
  pipeline_source          = local.source
  model_package_group_name = module.storage.model_package_group_name
  endpoint_names           = local.endpoint_names
  images = {
    training   = local.training_image_uri
    processing = local.processing_image_uri
    inference  = local.inference_image_uri
  }
  training   = var.training
  processing = var.processing
  endpoint_wait_seconds = {
    for environment, endpoint in local.endpoints : environment => endpoint.canary_wait_seconds + endpoint.termination_wait_seconds
  }
  approval_timeout_minutes = var.approval_timeout_minutes
  approval_email           = var.alarm_email
  log_retention_days       = var.log_retention_days
}

module "monitoring" {
  source = "./modules/monitoring"

  project_name       = var.project_name
  account_id         = local.account_id
  region             = local.region
  kms_key_arn        = module.storage.kms_key_arn
  pipeline_name      = module.pipeline.pipeline_name
  build_names        = module.pipeline.build_names
  endpoint_names     = local.endpoint_names
  alarm_email        = var.alarm_email
  monthly_budget_usd = var.monthly_budget_usd
}
