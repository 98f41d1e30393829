locals {
  # A build waits for what it starts, so its timeout is above the job's own limit: SageMaker may need 20 minutes to
  # find instances and pull images, and a spot job may wait for capacity as long as it may run.
  start_minutes      = 30
  training_minutes   = local.start_minutes + ceil(var.training.max_run_seconds * (var.training.use_spot ? 2 : 1) / 60)
  processing_minutes = local.start_minutes + ceil(var.processing.max_run_seconds / 60)
  # With several instances, one job reads the files and another makes the dataset.
  prepare_minutes = local.processing_minutes * (var.processing.instance_count > 1 ? 2 : 1)
  deploy_minutes  = { for environment, seconds in var.endpoint_wait_seconds : environment => 2 * local.start_minutes + ceil(seconds / 60) }

  # Build to its buildspec, machine, timeout and own variables.
  builds = {
    check          = { buildspec = "check", compute = "BUILD_GENERAL1_MEDIUM", timeout_minutes = 60, variables = {} }
    prepare        = { buildspec = "prepare", compute = "BUILD_GENERAL1_SMALL", timeout_minutes = local.prepare_minutes, variables = {} }
    train          = { buildspec = "train", compute = "BUILD_GENERAL1_SMALL", timeout_minutes = local.training_minutes, variables = {} }
    evaluate       = { buildspec = "evaluate", compute = "BUILD_GENERAL1_SMALL", timeout_minutes = local.processing_minutes, variables = {} }
    deploy-staging = { buildspec = "deploy", compute = "BUILD_GENERAL1_SMALL", timeout_minutes = local.deploy_minutes.staging, variables = { ENVIRONMENT = "staging" } }
    deploy-prod    = { buildspec = "deploy", compute = "BUILD_GENERAL1_SMALL", timeout_minutes = local.deploy_minutes.prod, variables = { ENVIRONMENT = "prod" } }
  }

  # docs/architecture.md: what Terraform tells the builds.
  platform_variables = {
    PROJECT_NAME              = var.project_name
    DATA_BUCKET               = var.bucket_names.data
    MODELS_BUCKET             = var.bucket_names.models
    STATE_BUCKET              = var.bucket_names.state
    KMS_KEY_ARN               = var.kms_key_arn
    TRAINING_ROLE_ARN         = var.role_arns.training
    PROCESSING_ROLE_ARN       = var.role_arns.processing
    TRAINING_IMAGE_URI        = var.images.training
    PROCESSING_IMAGE_URI      = var.images.processing
    INFERENCE_IMAGE_URI       = var.images.inference
    TRAINING_INSTANCE_TYPE    = var.training.instance_type
    TRAINING_INSTANCE_COUNT   = tostring(var.training.instance_count)
    TRAINING_VOLUME_GB        = tostring(var.training.volume_gb)
    MAX_TRAINING_SECONDS      = tostring(var.training.max_run_seconds)
    TRAINING_USE_SPOT         = tostring(var.training.use_spot)
    PROCESSING_INSTANCE_TYPE  = var.processing.instance_type
    PROCESSING_INSTANCE_COUNT = tostring(var.processing.instance_count)
    PROCESSING_VOLUME_GB      = tostring(var.processing.volume_gb)
    MAX_PROCESSING_SECONDS    = tostring(var.processing.max_run_seconds)
    MODEL_PACKAGE_GROUP_NAME  = var.model_package_group_name
    STAGING_ENDPOINT_NAME     = var.endpoint_names.staging
    PROD_ENDPOINT_NAME        = var.endpoint_names.prod
  }
}

resource "aws_codebuild_project" "this" {
  for_each = local.builds

  name           = "${var.project_name}-${each.key}"
  description    = "${var.project_name}: buildspecs/${each.value.buildspec}.yml"
  service_role   = var.role_arns[each.key]
  build_timeout  = each.value.timeout_minutes
  queued_timeout = 60
  encryption_key = var.kms_key_arn

  source {
    type      = "CODEPIPELINE"
    buildspec = "buildspecs/${each.value.buildspec}.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  cache {
    type     = "S3"
    location = "${var.bucket_names.artifacts}/cache/${each.key}"
  }

  environment {
    type         = "LINUX_CONTAINER"
    image        = "aws/codebuild/standard:7.0"
    compute_type = each.value.compute

    dynamic "environment_variable" {
      for_each = merge(local.platform_variables, each.value.variables)
      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build[each.key].name
    }
  }
}

resource "aws_cloudwatch_log_group" "build" {
  for_each = local.builds

  name              = "/aws/codebuild/${var.project_name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
