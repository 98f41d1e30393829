output "region" {
  description = "Where all of it is."
  value       = local.region
}

output "project_name" {
  description = "Prefix of every name."
  value       = var.project_name
}

output "pipeline_name" {
  description = "Name of the CodePipeline."
  value       = module.pipeline.pipeline_name
}

output "data_bucket" {
  description = "Upload labelled data below raw/; prepared sets and base models lie beside it."
  value       = module.storage.bucket_names.data
}

output "models_bucket" {
  description = "Code archives, training outputs and evaluations."
  value       = module.storage.bucket_names.models
}

output "state_bucket" {
  description = "State and settings of the endpoints."
  value       = module.storage.bucket_names.state
}

output "staging_endpoint_name" {
  description = "SageMaker endpoint of staging, once a release has reached it."
  value       = local.endpoint_names.staging
}

output "prod_endpoint_name" {
  description = "SageMaker endpoint of prod, once a release has been approved."
  value       = local.endpoint_names.prod
}

output "model_package_group_name" {
  description = "Model Registry group of all candidates."
  value       = module.storage.model_package_group_name
}

output "source_repository" {
  description = "What a push must reach to start the pipeline."
  value       = var.repository
}

output "source_archive" {
  description = "Where an upload of the zipped source starts the pipeline; null unless source_provider is s3."
  value       = var.source_provider == "s3" ? "s3://${module.storage.bucket_names.artifacts}/source/${var.repository}.zip" : null
}

output "connection_arn" {
  description = "Connection to the repository's host; null for CodeCommit and S3. Confirm a new one in the console."
  value       = local.connection_arn
}

output "pipeline_console_url" {
  description = "The pipeline in the AWS console, where releases are approved."
  value       = module.pipeline.console_url
}
