output "pipeline_name" {
  description = "Name of the pipeline."
  value       = aws_codepipeline.this.name
}

output "build_names" {
  description = "Build (check, prepare, ...) to the name of its CodeBuild project."
  value       = { for build, project in aws_codebuild_project.this : build => project.name }
}

output "console_url" {
  description = "The pipeline in the AWS console."
  value       = "https://${data.aws_region.current.name}.console.${data.aws_partition.current.dns_suffix == "amazonaws.com" ? "aws.amazon.com" : "amazonaws.cn"}/codesuite/codepipeline/pipelines/${aws_codepipeline.this.name}/view"
}

data "aws_region" "current" {}
