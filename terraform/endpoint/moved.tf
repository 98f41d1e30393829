# Endpoints that were released when all of this was in a module.
moved {
  from = module.endpoint.aws_sagemaker_model.this
  to   = aws_sagemaker_model.this
}

moved {
  from = module.endpoint.aws_sagemaker_endpoint_configuration.this
  to   = aws_sagemaker_endpoint_configuration.this
}

moved {
  from = module.endpoint.aws_sagemaker_endpoint.this
  to   = aws_sagemaker_endpoint.this
}

moved {
  from = module.endpoint.aws_cloudwatch_log_group.this
  to   = aws_cloudwatch_log_group.this
}

moved {
  from = module.endpoint.aws_cloudwatch_metric_alarm.error_rate
  to   = aws_cloudwatch_metric_alarm.error_rate
}

moved {
  from = module.endpoint.aws_cloudwatch_metric_alarm.latency
  to   = aws_cloudwatch_metric_alarm.latency
}

moved {
  from = module.endpoint.aws_appautoscaling_target.this
  to   = aws_appautoscaling_target.this
}

moved {
  from = module.endpoint.aws_appautoscaling_policy.this
  to   = aws_appautoscaling_policy.this
}
