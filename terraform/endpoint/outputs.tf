output "endpoint_name" {
  description = "Name of the endpoint."
  value       = module.endpoint.endpoint_name
}

output "endpoint_config_name" {
  description = "The config that the endpoint should have once the update is through."
  value       = module.endpoint.endpoint_config_name
}

output "model_package_arn" {
  description = "The package that should answer."
  value       = module.endpoint.model_package_arn
}
