locals {
  # What each stage's build gets from the stages before it, by the names they exported. An action's variables are
  # one text of at most 1,000 characters, so each gets only what it uses.
  from_stages = {
    Check    = {}
    Prepare  = {}
    Train    = { Prepare = ["DATASET_VERSION", "BASE_MODEL_URI"] }
    Evaluate = { Prepare = ["DATASET_VERSION", "BASE_MODEL_URI"], Train = ["TRAINING_JOB_NAME", "MODEL_DATA_URI"] }
    Staging  = { Evaluate = ["MODEL_PACKAGE_ARN"] }
    Prod     = { Evaluate = ["MODEL_PACKAGE_ARN", "CHAMPION_PACKAGE_ARN"] }
  }

  # An archive in S3 has no commit; the version of the object tells archives apart.
  commit = var.pipeline_source.provider == "s3" ? "#{Source.VersionId}" : "#{Source.CommitId}"

  stage_variables = {
    for stage, origins in local.from_stages : stage => jsonencode(concat(
      [
        { name = "COMMIT_ID", value = local.commit },
        { name = "PIPELINE_EXECUTION_ID", value = "#{codepipeline.PipelineExecutionId}" },
      ],
      flatten([for origin, names in origins : [for name in names : { name = name, value = "#{${origin}.${name}}" }]]),
    ))
  }

  builds_before_the_gate = {
    Check    = "check"
    Prepare  = "prepare"
    Train    = "train"
    Evaluate = "evaluate"
  }

  source_action = {
    connection = {
      provider = "CodeStarSourceConnection"
      configuration = {
        ConnectionArn    = var.pipeline_source.arn
        FullRepositoryId = var.pipeline_source.repository
        BranchName       = var.pipeline_source.branch
        # The trigger below starts the pipeline; both together would start it twice.
        DetectChanges        = "false"
        OutputArtifactFormat = "CODE_ZIP"
      }
    }
    codecommit = {
      provider = "CodeCommit"
      configuration = {
        RepositoryName       = var.pipeline_source.repository
        BranchName           = var.pipeline_source.branch
        PollForSourceChanges = "false"
        OutputArtifactFormat = "CODE_ZIP"
      }
    }
    s3 = {
      provider = "S3"
      configuration = {
        S3Bucket             = var.bucket_names.artifacts
        S3ObjectKey          = "source/${var.pipeline_source.repository}.zip"
        PollForSourceChanges = "false"
      }
    }
  }[var.pipeline_source.provider]
}

resource "aws_codepipeline" "this" {
  name          = var.project_name
  role_arn      = var.role_arns.pipeline
  pipeline_type = "V2"
  # Superseding could replace a release while a person reads about it.
  execution_mode = "QUEUED"

  artifact_store {
    type     = "S3"
    location = var.bucket_names.artifacts

    encryption_key {
      type = "KMS"
      id   = var.kms_key_arn
    }
  }

  dynamic "trigger" {
    for_each = var.pipeline_source.provider == "connection" ? [1] : []
    content {
      provider_type = "CodeStarSourceConnection"
      git_configuration {
        source_action_name = "Source"
        push {
          branches {
            includes = [var.pipeline_source.branch]
          }
          # A push of nothing but documentation trains no model.
          file_paths {
            excludes = ["docs/**", "*.md", "**/*.md"]
          }
        }
      }
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      namespace        = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = local.source_action.provider
      version          = "1"
      configuration    = local.source_action.configuration
      output_artifacts = ["source"]
    }
  }

  dynamic "stage" {
    for_each = [for name in ["Check", "Prepare", "Train", "Evaluate"] : { name = name, build = local.builds_before_the_gate[name] }]
    content {
      name = stage.value.name

      action {
        name            = stage.value.name
        namespace       = stage.value.name
        category        = "Build"
        owner           = "AWS"
        provider        = "CodeBuild"
        version         = "1"
        input_artifacts = ["source"]
        configuration = {
          ProjectName          = aws_codebuild_project.this[stage.value.build].name
          EnvironmentVariables = local.stage_variables[stage.value.name]
        }
      }
    }
  }

  stage {
    name = "Staging"

    before_entry {
      condition {
        result = "FAIL"

        rule {
          name = "Gate"
          rule_type_id {
            category = "Rule"
            owner    = "AWS"
            provider = "VariableCheck"
            version  = "1"
          }
          configuration = {
            Variable = "#{Evaluate.GATE}"
            Operator = "EQ"
            Value    = "PASS"
          }
        }
      }
    }

    action {
      name            = "Staging"
      namespace       = "Staging"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration = {
        ProjectName          = aws_codebuild_project.this["deploy-staging"].name
        EnvironmentVariables = local.stage_variables["Staging"]
      }
    }
  }

  stage {
    name = "Approve"

    action {
      name               = "Approve"
      namespace          = "Approve"
      category           = "Approval"
      owner              = "AWS"
      provider           = "Manual"
      version            = "1"
      timeout_in_minutes = var.approval_timeout_minutes
      configuration = {
        NotificationArn    = aws_sns_topic.approvals.arn
        ExternalEntityLink = "#{Evaluate.REPORT_URL}"
        CustomData         = local.approval_text
      }
    }
  }

  stage {
    name = "Prod"

    action {
      name            = "Prod"
      namespace       = "Prod"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration = {
        ProjectName          = aws_codebuild_project.this["deploy-prod"].name
        EnvironmentVariables = local.stage_variables["Prod"]
      }
    }
  }
}
