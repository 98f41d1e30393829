# The alarms exist before the endpoint, so that the first update is already watched. No data means no traffic, which
# is not a fault. A share of errors counts from 20 requests a minute on: one odd request alone rolls nothing back.
locals {
  error_alarms = {
    "4xx-rate" = { metric = "Invocation4XXErrors", max_percent = var.max_4xx_percent }
    "5xx-rate" = { metric = "Invocation5XXErrors", max_percent = var.max_5xx_percent }
  }
  dimensions = {
    EndpointName = local.endpoint_name
    VariantName  = local.variant_name
  }
  rollback_alarm_names = concat(
    [for alarm in aws_cloudwatch_metric_alarm.error_rate : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.latency.alarm_name],
  )
}

resource "aws_cloudwatch_metric_alarm" "error_rate" {
  for_each = local.error_alarms

  alarm_name          = "${local.endpoint_name}-${each.key}"
  alarm_description   = "More than ${each.value.max_percent} % of the requests to ${local.endpoint_name} ended in ${each.value.metric}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.max_percent
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.alarm_topic_arn]

  metric_query {
    id          = "percent"
    label       = "${each.value.metric}, percent"
    expression  = "IF(requests >= 20, 100 * errors / requests, 0)"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      namespace   = "AWS/SageMaker"
      metric_name = each.value.metric
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 60
    }
  }
  metric_query {
    id = "requests"
    metric {
      namespace   = "AWS/SageMaker"
      metric_name = "Invocations"
      dimensions  = local.dimensions
      stat        = "Sum"
      period      = 60
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${local.endpoint_name}-latency-p99"
  alarm_description   = "The model of ${local.endpoint_name} took more than ${var.max_latency_p99_milliseconds} ms for 1 % of the requests"
  namespace           = "AWS/SageMaker"
  metric_name         = "ModelLatency" # microseconds
  dimensions          = local.dimensions
  extended_statistic  = "p99"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.max_latency_p99_milliseconds * 1000
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  # A percentile of few requests is one slow request.
  evaluate_low_sample_count_percentiles = "ignore"
  alarm_actions                         = [var.alarm_topic_arn]
}
