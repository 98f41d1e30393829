# What several roles may do, and parts of their statements.
locals {
  # What every build needs, and all that the check build needs.
  every_build = { for build in local.builds : build => [
    { sid = "OwnLog", actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = [
      "${local.arn.log_group}:/aws/codebuild/${var.project_name}-${build}:*",
    ] },
    # Reads the source that the pipeline hands over.
    { sid = "Source", actions = ["s3:GetObject", "s3:GetObjectVersion"], resources = ["${local.artifacts}/*"] },
    # Downloaded packages are kept between builds; a build can't write the cache of another.
    { sid = "OwnCache", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${local.artifacts}/cache/${build}/*"] },
    # Without ListBucket a missing object answers 403 instead of 404.
    { sid = "ArtifactsBucket", actions = ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"], resources = [local.artifacts] },
    local.encryption,
    # Test results, shown in the console.
    { sid = "TestReports", resources = ["${local.build}:report-group/${var.project_name}-${build}-*"], actions = [
      "codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport",
    ] },
  ] }

  # What a build needs besides that starts jobs.
  every_build_with_jobs = [
    { sid = "UploadCode", actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], resources = ["${local.models}/code/*"] },
    # Without ListBucket a missing object answers 403 instead of 404.
    { sid = "ListBuckets", actions = local.list, resources = [local.data, local.models] },
    # SageMaker takes a grant on the key for the job's volumes, in the name of who starts the job.
    merge(local.encrypt_volumes, { sid = "EncryptJobVolumes" }),
  ]

  # What every container needs: its image, its log, its metrics.
  every_container = { for actor, of in {
    training   = { images = local.image_repository_arns.jobs, kind = "TrainingJobs", log_group = "TrainingJobs" }
    processing = { images = local.image_repository_arns.jobs, kind = "ProcessingJobs", log_group = "ProcessingJobs" }
    endpoint   = { images = local.image_repository_arns.inference, kind = "Endpoints", log_group = "Endpoints/${var.project_name}-*" }
    } : actor => [
    { sid = "PullImage", actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], resources = of.images },
    # AWS knows no resource for a login.
    { sid = "LogInToEcr", actions = ["ecr:GetAuthorizationToken"], resources = ["*"] },
    { sid = "WriteLog", resources = [for suffix in ["", ":*"] : "${local.arn.log_group}:/aws/sagemaker/${of.log_group}${suffix}"], actions = [
      "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
    ] },
    # AWS knows no resource for metrics; the namespace stands in for one.
    { sid = "WriteMetrics", actions = ["cloudwatch:PutMetricData"], resources = ["*"], conditions = {
      StringEquals = { "cloudwatch:namespace" = "/aws/sagemaker/${of.kind}" }
    } },
    { sid = "Encryption", actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"], resources = [var.kms_key_arn] },
    # For the volumes of the instances.
    merge(local.encrypt_volumes, { sid = "EncryptVolumes" }),
  ] }

  # Prod comes after the approval, and so it is prod that writes the approval into the registry.
  may_approve = {
    staging = []
    prod    = [{ sid = "RecordApproval", actions = ["sagemaker:UpdateModelPackage"], resources = [local.arn.packages] }]
  }

  read_source = {
    connection = { sid = "SourceFromConnection", resources = [var.pipeline_source.arn], actions = [
      "codeconnections:UseConnection", "codestar-connections:UseConnection",
    ] }
    codecommit = { sid = "SourceFromCodeCommit", resources = [var.pipeline_source.arn], actions = [
      "codecommit:CancelUploadArchive", "codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetRepository",
      "codecommit:GetUploadArchiveStatus", "codecommit:UploadArchive",
    ] }
    s3 = { sid = "SourceFromS3", resources = [var.pipeline_source.arn], actions = ["s3:GetObject", "s3:GetObjectVersion"] }
  }

  encryption = { sid = "Encryption", resources = [var.kms_key_arn], actions = [
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
  ] }
  encrypt_volumes = { actions = ["kms:CreateGrant"], resources = [var.kms_key_arn], conditions = {
    Bool = { "kms:GrantIsForAWSResource" = "true" }
  } }
  # A role is passed to SageMaker alone.
  pass_role = { for actor in ["training", "processing", "endpoint"] : actor => {
    sid        = "Pass${title(actor)}Role"
    actions    = ["iam:PassRole"]
    resources  = ["${local.role}/${var.project_name}-${var.region}-${actor}"]
    conditions = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
  } }
  read_job_logs = { for kind in ["training", "processing"] : kind => {
    sid       = "ReadJobLogs"
    actions   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
    resources = ["${local.arn.log_group}:/aws/sagemaker/${title(kind)}Jobs:*"]
  } }

  list           = ["s3:GetBucketLocation", "s3:ListBucket"]
  upload         = ["s3:AbortMultipartUpload", "s3:PutObject"]
  run_training   = ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob"]
  run_processing = ["sagemaker:AddTags", "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"]
  # Of an evaluation, the model that was packed again with another decision policy and nothing else.
  model_archives = ["${local.models}/training/*", "${local.models}/evaluation/*/model.tar.gz"]
}
