# The limits come from the platform, never from a release: an update can't shrink a fleet that has scaled out.
resource "aws_appautoscaling_target" "this" {
  service_namespace  = "sagemaker"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${local.variant_name}"
  min_capacity       = var.min_instances
  max_capacity       = var.max_instances

  # A failed endpoint is made anew (release/deployment.py), and what scaled the old one with it.
  lifecycle {
    replace_triggered_by = [aws_sagemaker_endpoint.this.id]
  }
}

resource "aws_appautoscaling_policy" "this" {
  name               = "${local.endpoint_name}-concurrency"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this.service_namespace
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.target_concurrent_requests_per_instance
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    # Measured every 10 seconds; requests per instance come once a minute.
    predefined_metric_specification {
      predefined_metric_type = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    }
  }

  # AWS deletes the policies of a target with it.
  lifecycle {
    replace_triggered_by = [aws_appautoscaling_target.this.id]
  }
}
