# The roles that containers run with. They read their input and write their output; none of them can call SageMaker,
# so that code that arrives with data or a model can't register, deploy or approve anything.
locals {
  # <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>
  image_pattern = "^([0-9]{12})\\.dkr\\.ecr\\.([a-z0-9-]+)\\.[^/]+/([^:@]+)[:@].+$"
  image_repository_arns = {
    for use, uris in { jobs = var.job_image_uris, inference = [var.inference_image_uri] } : use => distinct([
      for uri in uris : format("arn:%s:ecr:%s:%s:repository/%s", var.partition, regex(local.image_pattern, uri)[1], regex(local.image_pattern, uri)[0], regex(local.image_pattern, uri)[2])
    ])
  }
}

# What every container needs: its image, its log, its metrics.
data "aws_iam_policy_document" "container" {
  for_each = {
    training   = { images = local.image_repository_arns.jobs, log_group = "TrainingJobs", metrics = "/aws/sagemaker/TrainingJobs" }
    processing = { images = local.image_repository_arns.jobs, log_group = "ProcessingJobs", metrics = "/aws/sagemaker/ProcessingJobs" }
    endpoint   = { images = local.image_repository_arns.inference, log_group = "Endpoints/${var.project_name}-*", metrics = "/aws/sagemaker/Endpoints" }
  }

  statement {
    sid       = "PullImage"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = each.value.images
  }
  # AWS knows no resource for a login.
  statement {
    sid       = "LogInToEcr"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}:/aws/sagemaker/${each.value.log_group}", "${local.arn.log_group}:/aws/sagemaker/${each.value.log_group}:*"]
  }
  # AWS knows no resource for metrics; the namespace stands in for one.
  statement {
    sid       = "WriteMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [each.value.metrics]
    }
  }
  statement {
    sid       = "Encryption"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = [var.kms_key_arn]
  }
  # For the volumes of the instances.
  statement {
    sid       = "EncryptVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
}

data "aws_iam_policy_document" "training" {
  source_policy_documents = [data.aws_iam_policy_document.container["training"].json]

  # Never raw/: training sees what preparation has checked.
  statement {
    sid       = "ReadInput"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.data}/prepared/*", "${var.bucket_arns.data}/base-models/*", "${var.bucket_arns.models}/code/*"]
  }
  # Checkpoints are read again after an interruption, and old ones removed.
  statement {
    sid       = "WriteModelAndCheckpoints"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.models}/training/*"]
  }
  statement {
    sid       = "ListInputAndOutput"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.data, var.bucket_arns.models]
  }
}

data "aws_iam_policy_document" "processing" {
  source_policy_documents = [data.aws_iam_policy_document.container["processing"].json]

  statement {
    sid     = "ReadInput"
    actions = ["s3:GetObject"]
    resources = [
      "${var.bucket_arns.data}/*", "${var.bucket_arns.models}/code/*", "${var.bucket_arns.models}/training/*",
      # A model that was packed again with another decision policy.
      "${var.bucket_arns.models}/evaluation/*/model.tar.gz",
    ]
  }
  # What a job writes becomes a dataset only when the prepare build has checked and published it.
  statement {
    sid       = "WriteJobOutput"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.bucket_arns.data}/prepared/_jobs/*", "${var.bucket_arns.models}/evaluation/*"]
  }
  statement {
    sid       = "ListInputAndOutput"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.data, var.bucket_arns.models]
  }
}

data "aws_iam_policy_document" "endpoint" {
  source_policy_documents = [data.aws_iam_policy_document.container["endpoint"].json]

  # A model and nothing else: an endpoint can't read anybody's text.
  statement {
    sid     = "ReadModel"
    actions = ["s3:GetObject"]
    # Of an evaluation, the model that was packed again with another decision policy and nothing else.
    resources = ["${var.bucket_arns.models}/training/*", "${var.bucket_arns.models}/evaluation/*/model.tar.gz"]
  }
  statement {
    sid       = "FindModel"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.models]
  }
  # SageMaker watches these during an update, and rolls back when one fires.
  statement {
    sid       = "WatchRollbackAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [for name in values(var.endpoint_names) : "${local.arn.alarm}:${name}-*"]
  }
}
