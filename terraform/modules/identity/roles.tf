# One role for each actor, with the policy that permissions.tf describes.
locals {
  builds = ["check", "prepare", "train", "evaluate", "deploy-staging", "deploy-prod"]

  artifacts = var.bucket_arns.artifacts
  data      = var.bucket_arns.data
  models    = var.bucket_arns.models
  state     = var.bucket_arns.state

  # ARNs by pattern, as IAM sees them before the resource exists.
  sagemaker = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
  build     = "arn:${var.partition}:codebuild:${var.region}:${var.account_id}"
  role      = "arn:${var.partition}:iam::${var.account_id}:role"
  arn = {
    log_group        = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group"
    endpoint_logs    = "arn:${var.partition}:logs:${var.region}:${var.account_id}:log-group:/aws/sagemaker/Endpoints"
    alarm            = "arn:${var.partition}:cloudwatch:${var.region}:${var.account_id}:alarm"
    pipeline         = "arn:${var.partition}:codepipeline:${var.region}:${var.account_id}:${var.project_name}"
    approvals        = "arn:${var.partition}:sns:${var.region}:${var.account_id}:${var.project_name}-approvals"
    scalable_targets = "arn:${var.partition}:application-autoscaling:${var.region}:${var.account_id}:scalable-target/*"
    autoscaling_role = "${local.role}/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"
    builds           = [for build in local.builds : "${local.build}:project/${var.project_name}-${build}"]
    prepare_jobs     = "${local.sagemaker}:processing-job/${var.project_name}-prepare-*"
    train_jobs       = "${local.sagemaker}:training-job/${var.project_name}-train-*"
    evaluate_jobs    = "${local.sagemaker}:processing-job/${var.project_name}-evaluate-*"
    package_group    = "${local.sagemaker}:model-package-group/${var.model_package_group_name}"
    packages         = "${local.sagemaker}:model-package/${var.model_package_group_name}/*"
    # An endpoint with its configs and models.
    endpoint = { for environment, name in var.endpoint_names : environment => [
      "${local.sagemaker}:endpoint/${name}", "${local.sagemaker}:endpoint-config/${name}-*", "${local.sagemaker}:model/${name}-*",
    ] }
  }

  # <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>
  image_pattern = "^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[^/]+/([^:@]+)[:@].+$"
  image_repository_arns = {
    for use, uris in { jobs = var.job_image_uris, inference = [var.inference_image_uri] } : use => distinct([
      for uri in uris : format("arn:%s:ecr:%s:%s:repository/%s", var.partition, regex(local.image_pattern, uri)[1], regex(local.image_pattern, uri)[0], regex(local.image_pattern, uri)[2])
    ])
  }
}

# checkov can't look into statements that are data: tests/identity.tftest.hcl checks the policies as they are rendered.
data "aws_iam_policy_document" "this" {
  for_each = local.roles

  dynamic "statement" {
    for_each = each.value.statements
    content {
      sid       = statement.value.sid
      effect    = lookup(statement.value, "effect", "Allow")
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = flatten([
          for test, expected in lookup(statement.value, "conditions", {}) : [
            for variable, value in expected : { test = test, variable = variable, value = value }
          ]
        ])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = [condition.value.value]
        }
      }
    }
  }

  # A condition by another name would be left out, and its statement allow what it should not.
  lifecycle {
    precondition {
      condition = alltrue([
        for statement in each.value.statements : length(setsubtract(keys(statement), ["sid", "effect", "actions", "resources", "conditions"])) == 0
      ])
      error_message = "a statement of ${each.key} in permissions.tf has another field than sid, effect, actions, resources and conditions."
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset([for role in local.roles : role.service])

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
  policy = data.aws_iam_policy_document.this[each.key].json
}
