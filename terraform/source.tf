# What starts the pipeline. A new connection is PENDING until a person confirms it in the console.
resource "aws_codeconnections_connection" "source" {
  count = var.source_provider == "connection" && var.connection_arn == null ? 1 : 0

  name          = "${var.project_name}-source"
  provider_type = var.connection_provider_type
}

locals {
  connection_arn = var.source_provider == "connection" ? coalesce(var.connection_arn, one(aws_codeconnections_connection.source[*].arn)) : null

  source = {
    provider   = var.source_provider
    repository = var.repository
    branch     = var.branch
    # The one thing that the pipeline may read its source from.
    arn = {
      connection = local.connection_arn
      codecommit = "arn:${local.partition}:codecommit:${local.region}:${local.account_id}:${var.repository}"
      s3         = "${module.storage.bucket_arns.artifacts}/source/${var.repository}.zip"
    }[var.source_provider]
  }
}
