# Failures of the pipeline and alarms of the endpoints (terraform/endpoint) arrive at one topic.
resource "aws_sns_topic" "alarms" {
  name              = "${var.project_name}-alarms"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  # EventBridge supports no conditions in the policy of a topic.
  statement {
    sid       = "FailuresOfThePipeline"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_subscription" "alarms" {
  count = var.alarm_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_event_rule" "pipeline_failed" {
  name        = "${var.project_name}-pipeline-failed"
  description = "An execution of ${var.pipeline_name} failed or was stopped"
  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline = [var.pipeline_name]
      state    = ["FAILED", "STOPPED"]
    }
  })
}

resource "aws_cloudwatch_event_target" "pipeline_failed" {
  rule = aws_cloudwatch_event_rule.pipeline_failed.name
  arn  = aws_sns_topic.alarms.arn

  input_transformer {
    input_paths = {
      execution = "$.detail.execution-id"
      pipeline  = "$.detail.pipeline"
      state     = "$.detail.state"
    }
    input_template = "\"Pipeline <pipeline> is <state>: execution <execution>. https://${var.region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/${var.pipeline_name}/executions/<execution>/visualization\""
  }

  depends_on = [aws_sns_topic_policy.alarms]
}
