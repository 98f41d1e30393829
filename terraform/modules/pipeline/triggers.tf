# CodeCommit and S3 start the pipeline through EventBridge; a connection has the trigger in main.tf.
locals {
  source_events = {
    codecommit = {
      source      = ["aws.codecommit"]
      detail-type = ["CodeCommit Repository State Change"]
      resources   = [var.pipeline_source.arn]
      detail = {
        event         = ["referenceCreated", "referenceUpdated"]
        referenceType = ["branch"]
        referenceName = [var.pipeline_source.branch]
      }
    }
    s3 = {
      source      = ["aws.s3"]
      detail-type = ["Object Created"]
      resources   = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket_names.artifacts}"]
      detail = {
        bucket = { name = [var.bucket_names.artifacts] }
        object = { key = ["source/${var.pipeline_source.repository}.zip"] }
      }
    }
  }
  needs_event = contains(keys(local.source_events), var.pipeline_source.provider)
}

data "aws_partition" "current" {}

resource "aws_cloudwatch_event_rule" "source" {
  count = local.needs_event ? 1 : 0

  name          = "${var.project_name}-source"
  description   = "Starts ${var.project_name} when its source changes"
  event_pattern = var.pipeline_source.provider == "codecommit" ? jsonencode(local.source_events.codecommit) : jsonencode(local.source_events.s3)
}

resource "aws_cloudwatch_event_target" "source" {
  count = local.needs_event ? 1 : 0

  rule     = aws_cloudwatch_event_rule.source[0].name
  arn      = aws_codepipeline.this.arn
  role_arn = var.role_arns.events
}

resource "aws_s3_bucket_notification" "source" {
  count = var.pipeline_source.provider == "s3" ? 1 : 0

  bucket      = var.bucket_names.artifacts
  eventbridge = true
}
