output "endpoint_name" {
  description = "Name of the endpoint."
  value       = aws_sagemaker_endpoint.this.name
}

output "endpoint_config_name" {
  description = "The config that the endpoint should have once the update is through. What it has, DescribeEndpoint says."
  value       = aws_sagemaker_endpoint.this.endpoint_config_name
}

output "model_package_arn" {
  description = "The package that should answer."
  value       = var.releases[var.live_release].model_package_arn
}
