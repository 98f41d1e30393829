# The deploy builds: each applies terraform/endpoint to its own environment, and can't name the other one's endpoint,
# alarms, log and state, nor change its autoscaling, which is told apart by tags.
data "aws_iam_policy_document" "deploy" {
  for_each = var.endpoint_names

  source_policy_documents = [data.aws_iam_policy_document.build["deploy-${each.key}"].json]

  # State, lock, settings and the release that is wanted.
  statement {
    sid       = "OwnState"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.state}/endpoint/${each.key}/*"]
  }
  # The platform's settings are an input, not the build's to change.
  statement {
    sid       = "SettingsAreReadOnly"
    effect    = "Deny"
    actions   = ["s3:DeleteObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.state}/endpoint/${each.key}/platform.tfvars.json"]
  }
  # Terraform looks for workspaces, and without ListBucket a missing object answers 403 instead of 404.
  statement {
    sid       = "StateBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.state]
  }
  statement {
    sid = "OwnEndpoint"
    actions = [
      "sagemaker:AddTags", "sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateModel",
      "sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel", "sagemaker:DeleteTags",
      "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:InvokeEndpoint",
      "sagemaker:ListTags", "sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities",
    ]
    resources = [
      "${local.arn.sagemaker}:endpoint/${each.value}",
      "${local.arn.sagemaker}:endpoint-config/${each.value}-*",
      "${local.arn.sagemaker}:model/${each.value}-*",
    ]
  }
  # Reads the gate's verdict, and which image and archive a package is made of; it can't register one.
  statement {
    sid       = "ReadPackage"
    actions   = ["sagemaker:DescribeModelPackage"]
    resources = ["${local.arn.sagemaker}:model-package/${var.model_package_group_name}/*"]
  }
  # Prod comes after the approval, and so it is prod that writes the approval into the registry.
  dynamic "statement" {
    for_each = each.key == "prod" ? [1] : []
    content {
      sid       = "RecordApproval"
      actions   = ["sagemaker:UpdateModelPackage"]
      resources = ["${local.arn.sagemaker}:model-package/${var.model_package_group_name}/*"]
    }
  }
  statement {
    sid       = "PassEndpointRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn.role}/${var.project_name}-${var.region}-endpoint"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
  # SageMaker takes a grant on the key for the endpoint's volumes, in the name of who creates it.
  statement {
    sid       = "EncryptEndpointVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
  # The alarms that roll a release back, and those that autoscaling makes for itself.
  statement {
    sid = "OwnAlarms"
    actions = [
      "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource", "cloudwatch:UntagResource",
    ]
    resources = ["${local.arn.alarm}:${each.value}-*", "${local.arn.alarm}:TargetTracking-endpoint/${each.value}/*"]
  }
  statement {
    sid = "OwnEndpointLog"
    actions = [
      "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DisassociateKmsKey",
      "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
    ]
    # A group's own ARN has no suffix, its streams come after ":"
    resources = [
      "${local.arn.log_group}:/aws/sagemaker/Endpoints/${each.value}",
      "${local.arn.log_group}:/aws/sagemaker/Endpoints/${each.value}:*",
    ]
  }
  # A scalable target's ARN holds a random id; its tags say whose it is.
  statement {
    sid = "Autoscaling"
    actions = [
      "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:ListTagsForResource", "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
      "application-autoscaling:UntagResource",
    ]
    resources = ["${local.arn.autoscaling}:scalable-target/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Project"
      values   = [var.project_name]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Environment"
      values   = [each.key]
    }
  }
  # A target that does not exist yet has no tags: it is made with them, and one that has another's is left alone.
  statement {
    sid       = "NewScalableTarget"
    actions   = ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"]
    resources = ["${local.arn.autoscaling}:scalable-target/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Project"
      values   = [var.project_name]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:ResourceTag/Project"
      values   = [var.project_name]
    }
    condition {
      test     = "StringEqualsIfExists"
      variable = "aws:ResourceTag/Environment"
      values   = [each.key]
    }
    condition {
      test     = "StringEqualsIfExists"
      variable = "application-autoscaling:service-namespace"
      values   = ["sagemaker"]
    }
  }
  # Terraform finds what it made in these lists, and AWS knows no resource for them.
  statement {
    sid = "FindWhatIsThere"
    actions = [
      "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
      "logs:DescribeLogGroups",
    ]
    resources = ["*"]
  }
  # The first scaled endpoint of an account brings this role into being.
  statement {
    sid       = "AutoscalingServiceRole"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local.arn.role}/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values   = ["sagemaker.application-autoscaling.amazonaws.com"]
    }
  }
}
