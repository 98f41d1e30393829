# The builds up to the gate: they start SageMaker jobs and wait for them. None of them can touch an endpoint.
locals {
  builds = ["check", "prepare", "train", "evaluate", "deploy-staging", "deploy-prod"]
}

# What every build needs, and all that the check build needs.
data "aws_iam_policy_document" "build" {
  for_each = toset(local.builds)

  statement {
    sid       = "OwnLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.log_group}:/aws/codebuild/${var.project_name}-${each.key}:*"]
  }
  # Reads the source that the pipeline hands over.
  statement {
    sid       = "Source"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${var.bucket_arns.artifacts}/*"]
  }
  # Downloaded packages are kept between builds; a build can't write the cache of another.
  statement {
    sid       = "OwnCache"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.artifacts}/cache/${each.key}/*"]
  }
  # Without ListBucket a missing object answers 403 instead of 404.
  statement {
    sid       = "ArtifactsBucket"
    actions   = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.artifacts]
  }
  statement {
    sid       = "Encryption"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = [var.kms_key_arn]
  }
  # Test results, shown in the console.
  statement {
    sid = "TestReports"
    actions = [
      "codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport",
    ]
    resources = ["${local.arn.build}:report-group/${var.project_name}-${each.key}-*"]
  }
}

data "aws_iam_policy_document" "prepare" {
  source_policy_documents = [data.aws_iam_policy_document.build["prepare"].json]

  # The version of a dataset depends on what lies in raw/; a finished set is found and not made again.
  statement {
    sid       = "ReadData"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.data}/*"]
  }
  # Stages the base model once, so that jobs need no internet for it.
  statement {
    sid       = "StageBaseModel"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.bucket_arns.data}/base-models/*"]
  }
  # A dataset is checked against its manifest before it gets the name that training reads.
  statement {
    sid       = "PublishDataset"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.bucket_arns.data}/prepared/*"]
  }
  statement {
    sid       = "UploadCode"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.models}/code/*"]
  }
  # Without ListBucket a missing object answers 403 instead of 404.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.data, var.bucket_arns.models]
  }
  statement {
    sid       = "RunPrepareJobs"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"]
    resources = ["${local.arn.sagemaker}:processing-job/${var.project_name}-prepare-*"]
  }
  statement {
    sid       = "PassProcessingRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn.role}/${var.project_name}-${var.region}-processing"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
  # SageMaker takes a grant on the key for the job's volume, in the name of who starts the job.
  statement {
    sid       = "EncryptJobVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
  # A failed job's last lines are printed by the build.
  statement {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}:/aws/sagemaker/ProcessingJobs:*"]
  }
}

data "aws_iam_policy_document" "train" {
  source_policy_documents = [data.aws_iam_policy_document.build["train"].json]

  statement {
    sid       = "ReadPreparedData"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.data}/prepared/*", "${var.bucket_arns.data}/base-models/*"]
  }
  # A model that an earlier attempt made is found and not trained again.
  statement {
    sid       = "ReadTrainedModels"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.models}/training/*"]
  }
  statement {
    sid       = "UploadCode"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.models}/code/*"]
  }
  # Without ListBucket a missing object answers 403 instead of 404.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.data, var.bucket_arns.models]
  }
  statement {
    sid       = "RunTrainingJobs"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"]
    resources = ["${local.arn.sagemaker}:training-job/${var.project_name}-train-*"]
  }
  statement {
    sid       = "PassTrainingRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn.role}/${var.project_name}-${var.region}-training"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
  # SageMaker takes a grant on the key for the job's volumes, in the name of who starts the job.
  statement {
    sid       = "EncryptJobVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
  # The build follows the job's log while it waits.
  statement {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}:/aws/sagemaker/TrainingJobs:*"]
  }
}

data "aws_iam_policy_document" "evaluate" {
  # checkov:skip=CKV_AWS_356:ListModelPackages is asked of the account, not of a package
  source_policy_documents = [data.aws_iam_policy_document.build["evaluate"].json]

  statement {
    sid       = "ReadPreparedData"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.data}/prepared/*"]
  }
  # Reads the scores for the gate, and signs the link to the report that the approval shows.
  statement {
    sid       = "ReadModelsAndEvaluations"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.models}/training/*", "${var.bucket_arns.models}/evaluation/*"]
  }
  # The card says how the gate judged, which is known only after the job.
  statement {
    sid       = "WriteModelCard"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${var.bucket_arns.models}/evaluation/*/model_card.md"]
  }
  statement {
    sid       = "UploadCode"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.bucket_arns.models}/code/*"]
  }
  # Without ListBucket a missing object answers 403 instead of 404.
  statement {
    sid       = "ListBuckets"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [var.bucket_arns.data, var.bucket_arns.models]
  }
  statement {
    sid       = "RunEvaluateJobs"
    actions   = ["sagemaker:AddTags", "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"]
    resources = ["${local.arn.sagemaker}:processing-job/${var.project_name}-evaluate-*"]
  }
  statement {
    sid       = "PassProcessingRole"
    actions   = ["iam:PassRole"]
    resources = ["${local.arn.role}/${var.project_name}-${var.region}-processing"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["sagemaker.amazonaws.com"]
    }
  }
  # SageMaker takes a grant on the key for the job's volume, in the name of who starts the job.
  statement {
    sid       = "EncryptJobVolumes"
    actions   = ["kms:CreateGrant"]
    resources = [var.kms_key_arn]

    condition {
      test     = "Bool"
      variable = "kms:GrantIsForAWSResource"
      values   = ["true"]
    }
  }
  statement {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}:/aws/sagemaker/ProcessingJobs:*"]
  }
  # Provenance of the candidate: who trained it, on what.
  statement {
    sid       = "ReadTrainingJobs"
    actions   = ["sagemaker:DescribeTrainingJob"]
    resources = ["${local.arn.sagemaker}:training-job/${var.project_name}-train-*"]
  }
  # The only role that adds to the registry.
  statement {
    sid = "RegisterCandidates"
    actions = [
      "sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage",
      "sagemaker:DescribeModelPackageGroup",
    ]
    resources = [
      "${local.arn.sagemaker}:model-package-group/${var.model_package_group_name}",
      "${local.arn.sagemaker}:model-package/${var.model_package_group_name}/*",
    ]
  }
  # An unchanged candidate is found and not registered again. A list is of the account, and shows names and states.
  statement {
    sid       = "ListCandidates"
    actions   = ["sagemaker:ListModelPackages"]
    resources = ["*"]
  }
  # The champion is what prod runs now.
  statement {
    sid     = "FindChampion"
    actions = ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"]
    resources = [
      "${local.arn.sagemaker}:endpoint/${var.endpoint_names.prod}",
      "${local.arn.sagemaker}:endpoint-config/${var.endpoint_names.prod}-*",
      "${local.arn.sagemaker}:model/${var.endpoint_names.prod}-*",
    ]
  }
}
