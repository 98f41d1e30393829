# Applied by the deploy builds, once for each environment and release.
locals {
  endpoint_name = "${var.project_name}-${var.environment}"

  # One name for all releases: autoscaling and alarms belong to the variant and outlive a release.
  variant_name = "moderation"

  # Instances with local NVMe disks encrypt them in hardware and refuse a key for the volume.
  has_nvme = can(regex("^ml\\.([a-z]+[0-9]+[a-z]*d[a-z]*|(g[4-9]|gr[0-9]|p[4-9]|trn[0-9]|i[34])[a-z0-9-]*)\\.", var.instance_type))

  max_update_seconds = var.canary_wait_seconds + var.termination_wait_seconds + 2700 # 45 minutes for two fleets to start
}

resource "aws_sagemaker_model" "this" {
  for_each = var.releases

  name               = "${local.endpoint_name}-${each.key}"
  execution_role_arn = var.endpoint_role_arn
  # The model's own files are all it needs; SageMaker fetches them from outside of the container.
  enable_network_isolation = true

  primary_container {
    # Not from the package itself, which SageMaker deploys only once it is Approved: that is what the person says, and
    # staging comes before.
    image          = each.value.image_uri
    model_data_url = each.value.model_data_uri
    environment = {
      # Each answer names the package that gave it, and what is live is read from here.
      MODEL_PACKAGE_ARN = each.value.model_package_arn
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# The config of the release before stays as long as SageMaker may roll back to it. A release key stands for all that
# is in a config, which can't be changed: other settings make another key, and an old config stays what it was.
resource "aws_sagemaker_endpoint_configuration" "this" {
  for_each = var.releases

  name        = "${local.endpoint_name}-${each.key}"
  kms_key_arn = local.has_nvme ? null : var.kms_key_arn

  production_variants {
    variant_name           = local.variant_name
    model_name             = aws_sagemaker_model.this[each.key].name
    instance_type          = var.instance_type
    initial_instance_count = each.value.instance_count
    initial_variant_weight = 1

    routing_config {
      routing_strategy = "LEAST_OUTSTANDING_REQUESTS"
    }
  }

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [kms_key_arn, production_variants]
  }
}

resource "aws_sagemaker_endpoint" "this" {
  name                 = local.endpoint_name
  endpoint_config_name = aws_sagemaker_endpoint_configuration.this[var.live_release].name

  deployment_config {
    blue_green_update_policy {
      maximum_execution_timeout_in_seconds = local.max_update_seconds
      termination_wait_in_seconds          = var.termination_wait_seconds

      traffic_routing_configuration {
        type                     = var.canary_percent > 0 ? "CANARY" : "ALL_AT_ONCE"
        wait_interval_in_seconds = var.canary_wait_seconds

        dynamic "canary_size" {
          for_each = var.canary_percent > 0 ? [var.canary_percent] : []
          content {
            type  = "CAPACITY_PERCENT"
            value = canary_size.value
          }
        }
      }
    }

    auto_rollback_configuration {
      dynamic "alarms" {
        for_each = local.rollback_alarm_names
        content {
          alarm_name = alarms.value
        }
      }
    }
  }

  depends_on = [aws_cloudwatch_log_group.this]
}

# SageMaker would make this group itself, with logs that never expire.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/sagemaker/Endpoints/${local.endpoint_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
