# Who may do what, read from the policies as they would be attached. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  project_name             = "moderation"
  account_id               = "123456789012"
  region                   = "us-east-1"
  partition                = "aws"
  bucket_arns              = { artifacts = "arn:aws:s3:::artifacts", data = "arn:aws:s3:::data", models = "arn:aws:s3:::models", state = "arn:aws:s3:::state" }
  kms_key_arn              = "arn:aws:kms:us-east-1:123456789012:key/1"
  model_package_group_name = "moderation"
  endpoint_names           = { staging = "moderation-staging", prod = "moderation-prod" }
  job_image_uris           = ["763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1"]
  inference_image_uri      = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-inference@sha256:abc"
  pipeline_source          = { provider = "connection", arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/1" }
}

run "training_role_cannot_touch_the_registry" {
  command = plan
  module {
    source = "./modules/identity"
  }

  assert {
    condition = !anytrue(flatten([
      for actor in ["training", "processing", "endpoint"] : [
        for statement in jsondecode(aws_iam_role_policy.this[actor].policy).Statement : [
          for action in flatten([statement.Action]) : startswith(action, "sagemaker:") || startswith(action, "iam:")
        ]
      ]
    ]))
    error_message = "a role that containers run with may call SageMaker or IAM: code that arrives with data could register or deploy a model"
  }

  assert {
    condition = alltrue([
      for actor, policy in aws_iam_role_policy.this : actor == "evaluate" || !strcontains(policy.policy, "sagemaker:CreateModelPackage")
    ])
    error_message = "another role than evaluate may register models"
  }

  assert {
    condition     = [for actor, policy in aws_iam_role_policy.this : actor if strcontains(policy.policy, "sagemaker:UpdateModelPackage")] == ["deploy-prod"]
    error_message = "a role other than deploy-prod, which comes after the approval, may change a package's approval status"
  }

  # models are made from a package's image and archive, never from the package: staging comes before its approval
  assert {
    condition = alltrue([
      for policy in values(aws_iam_role_policy.this) : alltrue([
        for statement in jsondecode(policy.policy).Statement : !strcontains(jsonencode(statement.Resource), ":model-package/") if contains(flatten([statement.Action]), "sagemaker:CreateModel")
      ])
    ])
    error_message = "a role may make a model from a package"
  }

  # data: training reads what preparation has published, never what users uploaded
  assert {
    condition = !anytrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["training"].policy).Statement : [
        for resource in flatten([statement.Resource]) : startswith(resource, "arn:aws:s3:::data/") && !startswith(resource, "arn:aws:s3:::data/prepared/") && !startswith(resource, "arn:aws:s3:::data/base-models/")
      ]
    ]))
    error_message = "the training role may read raw data"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["endpoint"].policy, "arn:aws:s3:::data")
    error_message = "the endpoint role may read data"
  }
  # of an evaluation, only the model that was packed again with another policy
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["endpoint"].policy).Statement : [
        for resource in flatten([statement.Resource]) : endswith(resource, "/evaluation/*/model.tar.gz") if strcontains(resource, "/evaluation/")
      ]
    ])) && strcontains(aws_iam_role_policy.this["endpoint"].policy, "/evaluation/*/model.tar.gz")
    error_message = "the endpoint role may read more of an evaluation than its model, or not even that"
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.this["endpoint"].policy).Statement :
      flatten([statement.Action]) == ["s3:GetObject"] && contains(flatten([statement.Resource]), "arn:aws:s3:::models/training/*")
    ])
    error_message = "the endpoint role can't fetch a trained model"
  }

  # environments: neither deploy build can name the other's endpoint, state or logs
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["deploy-prod"].policy, "staging")
    error_message = "the prod deploy may touch something of staging"
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.this["deploy-staging"].policy, "prod")
    error_message = "the staging deploy may touch something of prod"
  }
  assert {
    condition = alltrue(flatten([
      for environment in ["staging", "prod"] : [
        for statement in jsondecode(aws_iam_role_policy.this["deploy-${environment}"].policy).Statement : [
          for resource in flatten([statement.Resource]) : can(regex("(/endpoint/${environment}/|[:/]moderation-${environment}($|-\\*$|/\\*$|:\\*$))", resource))
        ] if startswith(statement.Sid, "Own") && !contains(["OwnLog", "OwnCache"], statement.Sid)
      ]
    ]))
    error_message = "a deploy build may touch more than its own environment's endpoint, alarms, log and state"
  }
  # a scalable target's ARN tells nothing: the tags that terraform/endpoint gives it do
  assert {
    condition = alltrue(flatten([
      for environment in ["staging", "prod"] : [
        for statement in jsondecode(aws_iam_role_policy.this["deploy-${environment}"].policy).Statement : (
          try(statement.Condition.StringEquals["aws:ResourceTag/Environment"], "") == environment ||
          try([statement.Condition.StringEquals["aws:RequestTag/Environment"], statement.Condition.StringEqualsIfExists["aws:ResourceTag/Environment"]], []) == [environment, environment]
        ) if contains(flatten([statement.Resource]), "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/*")
      ]
    ]))
    error_message = "a deploy build may change the autoscaling of another environment"
  }
  assert {
    condition = alltrue(flatten([
      for environment in ["staging", "prod"] : [
        for action in ["DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy", "RegisterScalableTarget"] : contains(flatten([
          for statement in jsondecode(aws_iam_role_policy.this["deploy-${environment}"].policy).Statement : statement.Action
          if try(statement.Condition.StringEquals["aws:ResourceTag/Environment"], "") == environment
        ]), "application-autoscaling:${action}")
      ]
    ]))
    error_message = "a deploy build may not change its own autoscaling"
  }
  assert {
    condition = alltrue([
      for actor, policy in aws_iam_role_policy.this : startswith(actor, "deploy-") || length(regexall("sagemaker:(Create|Update|Delete|Invoke)Endpoint", policy.policy)) == 0
    ])
    error_message = "a role other than the deploy builds may change or call an endpoint"
  }

  # what a build starts it may watch, and no more than that
  assert {
    condition = alltrue([
      for actor, policy in aws_iam_role_policy.this : length(regexall("sagemaker:Stop|logs:Filter", policy.policy)) == 0 && (contains(["prepare", "train", "evaluate"], actor) || !strcontains(policy.policy, "logs:GetLogEvents"))
    ])
    error_message = "a role may stop jobs, or reads logs that it never prints"
  }

  # no blank cheques
  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_role_policy.this) : [
        for statement in jsondecode(policy.policy).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]
      ]
    ]))
    error_message = "an action with a wildcard"
  }
  assert {
    condition = length(setsubtract(
      flatten([
        for policy in values(aws_iam_role_policy.this) : [
          for statement in jsondecode(policy.policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")
        ]
      ]),
      [
        "ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "sagemaker:ListModelPackages", "logs:DescribeLogGroups",
        "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies",
      ],
    )) == 0
    error_message = "an action on resource * for which AWS knows resources"
  }
  assert {
    condition = alltrue(flatten([
      for policy in values(aws_iam_role_policy.this) : [
        for statement in jsondecode(policy.policy).Statement :
        try(statement.Condition.StringEquals["iam:PassedToService"], "") == "sagemaker.amazonaws.com" && !strcontains(jsonencode(statement.Resource), "*")
        if contains(flatten([statement.Action]), "iam:PassRole")
      ]
    ]))
    error_message = "a role may be passed to any service, or any role may be passed"
  }
  assert {
    condition = {
      for actor, policy in aws_iam_role_policy.this : actor => one(flatten([
        for statement in jsondecode(policy.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "iam:PassRole")
      ])) if strcontains(policy.policy, "iam:PassRole")
      } == {
      prepare        = "arn:aws:iam::123456789012:role/moderation-us-east-1-processing"
      train          = "arn:aws:iam::123456789012:role/moderation-us-east-1-training"
      evaluate       = "arn:aws:iam::123456789012:role/moderation-us-east-1-processing"
      deploy-staging = "arn:aws:iam::123456789012:role/moderation-us-east-1-endpoint"
      deploy-prod    = "arn:aws:iam::123456789012:role/moderation-us-east-1-endpoint"
    }
    error_message = "a build passes another role than the one its job runs with"
  }
  assert {
    condition     = alltrue([for role in values(aws_iam_role.this) : strcontains(role.assume_role_policy, "\"aws:SourceAccount\":\"123456789012\"")])
    error_message = "a service may take a role on behalf of another account"
  }

  # images: the repositories that are configured, whatever the form of the tag
  assert {
    condition = (
      strcontains(aws_iam_role_policy.this["training"].policy, "\"arn:aws:ecr:us-east-1:763104351884:repository/pytorch-training\"") &&
      strcontains(aws_iam_role_policy.this["endpoint"].policy, "\"arn:aws:ecr:us-east-1:763104351884:repository/huggingface-pytorch-inference\"")
    )
    error_message = "a container may not pull its image"
  }

  # source: the connection that is configured, and no role for events that nobody sends
  assert {
    condition     = strcontains(aws_iam_role_policy.this["pipeline"].policy, "UseConnection") && !strcontains(aws_iam_role_policy.this["pipeline"].policy, "codecommit:") && !contains(keys(aws_iam_role.this), "events")
    error_message = "with a connection, the pipeline may read from elsewhere"
  }
}

run "codecommit_source_needs_no_connection" {
  command = plan
  module {
    source = "./modules/identity"
  }
  variables {
    pipeline_source = { provider = "codecommit", arn = "arn:aws:codecommit:us-east-1:123456789012:moderation" }
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.this["pipeline"].policy, "codecommit:GetBranch") && !strcontains(aws_iam_role_policy.this["pipeline"].policy, "UseConnection")
    error_message = "the pipeline may not read its CodeCommit source, or may use a connection"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.this["events"].policy).Statement == jsondecode(jsonencode([{ Sid = "StartPipeline", Effect = "Allow", Action = "codepipeline:StartPipelineExecution", Resource = "arn:aws:codepipeline:us-east-1:123456789012:moderation" }]))
    error_message = "the events role may do something else than start this pipeline"
  }
}
