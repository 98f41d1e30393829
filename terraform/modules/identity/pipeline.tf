data "aws_iam_policy_document" "pipeline" {
  # Hands the source from stage to stage.
  statement {
    sid       = "Artifacts"
    actions   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    resources = ["${var.bucket_arns.artifacts}/*"]
  }
  statement {
    sid       = "ArtifactsBucket"
    actions   = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"]
    resources = [var.bucket_arns.artifacts]
  }
  # Artifacts and the approval topic are encrypted.
  statement {
    sid       = "Encryption"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    resources = [var.kms_key_arn]
  }
  # Each stage is a build of this project.
  statement {
    sid       = "Builds"
    actions   = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
    resources = [for build in local.builds : "${local.arn.build}:project/${var.project_name}-${build}"]
  }
  # Tells people that a release waits for them.
  statement {
    sid       = "AskForApproval"
    actions   = ["sns:Publish"]
    resources = [local.arn.approvals]
  }

  # Reads the pushed commit, from the one source that is configured.
  dynamic "statement" {
    for_each = var.pipeline_source.provider == "connection" ? [1] : []
    content {
      sid       = "SourceFromConnection"
      actions   = ["codeconnections:UseConnection", "codestar-connections:UseConnection"]
      resources = [var.pipeline_source.arn]
    }
  }
  dynamic "statement" {
    for_each = var.pipeline_source.provider == "codecommit" ? [1] : []
    content {
      sid = "SourceFromCodeCommit"
      actions = [
        "codecommit:CancelUploadArchive", "codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetRepository",
        "codecommit:GetUploadArchiveStatus", "codecommit:UploadArchive",
      ]
      resources = [var.pipeline_source.arn]
    }
  }
  dynamic "statement" {
    for_each = var.pipeline_source.provider == "s3" ? [1] : []
    content {
      sid       = "SourceFromS3"
      actions   = ["s3:GetObject", "s3:GetObjectVersion"]
      resources = [var.pipeline_source.arn]
    }
  }
}

data "aws_iam_policy_document" "events" {
  statement {
    sid       = "StartPipeline"
    actions   = ["codepipeline:StartPipelineExecution"]
    resources = [local.arn.pipeline]
  }
}
