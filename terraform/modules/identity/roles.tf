# One role per actor. Who may do what is in pipeline.tf, builds.tf, deploys.tf and jobs.tf, one statement per need.
locals {
  roles = merge(
    {
      pipeline = { service = "codepipeline.amazonaws.com", policy = data.aws_iam_policy_document.pipeline.json }

      check          = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.build["check"].json }
      prepare        = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.prepare.json }
      train          = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.train.json }
      evaluate       = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.evaluate.json }
      deploy-staging = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.deploy["staging"].json }
      deploy-prod    = { service = "codebuild.amazonaws.com", policy = data.aws_iam_policy_document.deploy["prod"].json }

      training   = { service = "sagemaker.amazonaws.com", policy = data.aws_iam_policy_document.training.json }
      processing = { service = "sagemaker.amazonaws.com", policy = data.aws_iam_policy_document.processing.json }
      endpoint   = { service = "sagemaker.amazonaws.com", policy = data.aws_iam_policy_document.endpoint.json }
    },
    # A connection starts the pipeline by itself; CodeCommit and S3 do it through EventBridge.
    var.pipeline_source.provider == "connection" ? {} : {
      events = { service = "events.amazonaws.com", policy = data.aws_iam_policy_document.events.json }
    },
  )

  # ARNs by pattern, as IAM sees them before the resource exists.
  arn = {
    sagemaker   = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
    log_group   = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group"
    alarm       = "arn:${var.partition}:cloudwatch:${var.region}:${var.account_id}:alarm"
    build       = "arn:${var.partition}:codebuild:${var.region}:${var.account_id}"
    role        = "arn:${var.partition}:iam::${var.account_id}:role"
    pipeline    = "arn:${var.partition}:codepipeline:${var.region}:${var.account_id}:${var.project_name}"
    approvals   = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${var.project_name}-approvals"
    autoscaling = "arn:${var.partition}:application-autoscaling:${var.region}:${var.account_id}"
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["codepipeline.amazonaws.com", "codebuild.amazonaws.com", "sagemaker.amazonaws.com", "events.amazonaws.com"])

  # The service takes the role for this account only, never on behalf of another one.
  statement {
    sid     = "ServiceTakesRoleForThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.key]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name               = "${var.project_name}-${var.region}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.trust[each.value.service].json
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = each.key
  role   = aws_iam_role.this[each.key].name
  policy = each.value.policy
}
