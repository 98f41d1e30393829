# Who may do what: for each role the service that takes it and what it may do, one statement for each need. roles.tf
# makes policies of it, shared.tf has what several roles need, docs/security.md says it in words.
locals {
  roles = merge(local.pipeline_roles, local.build_roles, local.deploy_roles, local.container_roles)

  pipeline_roles = merge(
    {
      pipeline = { service = "codepipeline.amazonaws.com", statements = [
        # Hands the source from stage to stage.
        { sid = "Artifacts", actions = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], resources = ["${local.artifacts}/*"] },
        { sid = "ArtifactsBucket", actions = ["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"], resources = [local.artifacts] },
        # Artifacts and the approval topic are encrypted.
        local.encryption,
        # Each stage is a build of this project.
        { sid = "Builds", actions = ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"], resources = local.arn.builds },
        # Tells people that a release waits for them.
        { sid = "AskForApproval", actions = ["sns:Publish"], resources = [local.arn.approvals] },
        # Reads the pushed commit, from the one source that is configured.
        local.read_source[var.pipeline_source.provider],
      ] }
    },
    # A connection starts the pipeline by itself; CodeCommit and S3 do it through EventBridge.
    var.pipeline_source.provider == "connection" ? {} : {
      events = { service = "events.amazonaws.com", statements = [
        { sid = "StartPipeline", actions = ["codepipeline:StartPipelineExecution"], resources = [local.arn.pipeline] },
      ] }
    },
  )

  # The builds up to the gate: they start SageMaker jobs and wait for them. None of them can touch an endpoint.
  build_roles = {
    check = { service = "codebuild.amazonaws.com", statements = local.every_build["check"] }

    prepare = { service = "codebuild.amazonaws.com", statements = concat(local.every_build["prepare"], local.every_build_with_jobs, [
      # The version of a dataset depends on what lies in raw/; a finished set is found and not made again.
      { sid = "ReadData", actions = ["s3:GetObject"], resources = ["${local.data}/*"] },
      # Stages the base model once, so that jobs need no internet for it.
      { sid = "StageBaseModel", actions = local.upload, resources = ["${local.data}/base-models/*"] },
      # A dataset is checked against its manifest before it gets the name that training reads.
      { sid = "PublishDataset", actions = local.upload, resources = ["${local.data}/prepared/*"] },
      { sid = "RunPrepareJobs", actions = local.run_processing, resources = [local.arn.prepare_jobs] },
      local.pass_role["processing"],
      # A failed job's last lines are printed by the build.
      local.read_job_logs["processing"],
    ]) }

    train = { service = "codebuild.amazonaws.com", statements = concat(local.every_build["train"], local.every_build_with_jobs, [
      { sid = "ReadPreparedData", actions = ["s3:GetObject"], resources = ["${local.data}/prepared/*", "${local.data}/base-models/*"] },
      # A model that an earlier attempt made is found and not trained again.
      { sid = "ReadTrainedModels", actions = ["s3:GetObject"], resources = ["${local.models}/training/*"] },
      { sid = "RunTrainingJobs", actions = local.run_training, resources = [local.arn.train_jobs] },
      local.pass_role["training"],
      # The build follows the job's log while it waits.
      local.read_job_logs["training"],
    ]) }

    evaluate = { service = "codebuild.amazonaws.com", statements = concat(local.every_build["evaluate"], local.every_build_with_jobs, [
      { sid = "ReadPreparedData", actions = ["s3:GetObject"], resources = ["${local.data}/prepared/*"] },
      # Reads the scores for the gate, and signs the link to the report that the approval shows.
      { sid = "ReadModelsAndEvaluations", actions = ["s3:GetObject"], resources = ["${local.models}/training/*", "${local.models}/evaluation/*"] },
      # The card says how the gate decided, which is known only after the job.
      { sid = "WriteModelCard", actions = local.upload, resources = ["${local.models}/evaluation/*/model_card.md"] },
      { sid = "RunEvaluateJobs", actions = local.run_processing, resources = [local.arn.evaluate_jobs] },
      local.pass_role["processing"],
      local.read_job_logs["processing"],
      # Provenance of the candidate: who trained it, on what.
      { sid = "ReadTrainingJobs", actions = ["sagemaker:DescribeTrainingJob"], resources = [local.arn.train_jobs] },
      # The only role that adds to the registry.
      { sid = "RegisterCandidates", resources = [local.arn.package_group, local.arn.packages], actions = [
        "sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup",
      ] },
      # An unchanged candidate is found and not registered again. A list is of the account, and shows names and states.
      { sid = "ListCandidates", actions = ["sagemaker:ListModelPackages"], resources = ["*"] },
      # The champion is what prod runs now.
      { sid = "FindChampion", resources = local.arn.endpoint["prod"], actions = [
        "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel",
      ] },
    ]) }
  }

  # The deploy builds: each applies terraform/endpoint to its own environment, and can't name the other one's endpoint,
  # alarms, log and state, nor change its autoscaling, which is told apart by tags.
  deploy_roles = { for environment, endpoint in var.endpoint_names : "deploy-${environment}" => {
    service = "codebuild.amazonaws.com", statements = concat(local.every_build["deploy-${environment}"], local.may_approve[environment], [
      # State, lock, settings and the release that is wanted.
      { sid = "OwnState", actions = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], resources = ["${local.state}/endpoint/${environment}/*"] },
      # The platform's settings are an input, not the build's to change.
      { sid = "SettingsAreReadOnly", effect = "Deny", actions = ["s3:DeleteObject", "s3:PutObject"], resources = [
        "${local.state}/endpoint/${environment}/platform.tfvars.json",
      ] },
      # Terraform looks for workspaces, and without ListBucket a missing object answers 403 instead of 404.
      { sid = "StateBucket", actions = local.list, resources = [local.state] },
      { sid = "OwnEndpoint", resources = local.arn.endpoint[environment], actions = [
        "sagemaker:AddTags", "sagemaker:CreateEndpoint", "sagemaker:CreateEndpointConfig", "sagemaker:CreateModel",
        "sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel", "sagemaker:DeleteTags",
        "sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel", "sagemaker:InvokeEndpoint",
        "sagemaker:ListTags", "sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities",
      ] },
      # Reads the gate's verdict, and which image and archive a package is made of; it can't register one.
      { sid = "ReadPackage", actions = ["sagemaker:DescribeModelPackage"], resources = [local.arn.packages] },
      local.pass_role["endpoint"],
      # SageMaker takes a grant on the key for the endpoint's volumes, in the name of who creates it.
      merge(local.encrypt_volumes, { sid = "EncryptEndpointVolumes" }),
      # The alarms that roll a release back, and those that autoscaling makes for itself.
      { sid = "OwnAlarms", resources = [for name in ["${endpoint}-*", "TargetTracking-endpoint/${endpoint}/*"] : "${local.arn.alarm}:${name}"], actions = [
        "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource", "cloudwatch:UntagResource",
      ] },
      # A group's own ARN has no suffix, its streams come after ":"
      { sid = "OwnEndpointLog", resources = [for suffix in ["", ":*"] : "${local.arn.endpoint_logs}/${endpoint}${suffix}"], actions = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:DisassociateKmsKey",
        "logs:ListTagsForResource", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
      ] },
      # A scalable target's ARN holds a random id; its tags say whose it is.
      {
        sid       = "Autoscaling"
        resources = [local.arn.scalable_targets]
        actions = [
          "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
          "application-autoscaling:ListTagsForResource", "application-autoscaling:PutScalingPolicy",
          "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
          "application-autoscaling:UntagResource",
        ]
        conditions = {
          StringEquals = { "aws:ResourceTag/Project" = var.project_name, "aws:ResourceTag/Environment" = environment }
        }
      },
      # A target that does not exist yet has no tags: it is made with them, and one that has another's is left alone.
      {
        sid       = "NewScalableTarget"
        resources = [local.arn.scalable_targets]
        actions   = ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"]
        conditions = {
          StringEquals = { "aws:RequestTag/Project" = var.project_name, "aws:RequestTag/Environment" = environment }
          StringEqualsIfExists = {
            "aws:ResourceTag/Project"                   = var.project_name
            "aws:ResourceTag/Environment"               = environment
            "application-autoscaling:service-namespace" = "sagemaker"
          }
        }
      },
      # Terraform finds what it made in these lists, and AWS knows no resource for them.
      { sid = "FindWhatIsThere", resources = ["*"], actions = [
        "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies", "logs:DescribeLogGroups",
      ] },
      # The first scaled endpoint of an account brings this role into being.
      { sid = "AutoscalingServiceRole", actions = ["iam:CreateServiceLinkedRole"], resources = [local.arn.autoscaling_role], conditions = {
        StringEquals = { "iam:AWSServiceName" = "sagemaker.application-autoscaling.amazonaws.com" }
      } },
    ])
  } }

  # The roles that containers run with. They read their input and write their output; none of them can call SageMaker,
  # so that code that arrives with data or a model can't register, deploy or approve anything.
  container_roles = {
    training = { service = "sagemaker.amazonaws.com", statements = concat(local.every_container["training"], [
      # Never raw/: training sees what preparation has checked.
      { sid = "ReadInput", actions = ["s3:GetObject"], resources = ["${local.data}/prepared/*", "${local.data}/base-models/*", "${local.models}/code/*"] },
      # Checkpoints are read again after an interruption, and old ones removed.
      { sid = "WriteModelAndCheckpoints", resources = ["${local.models}/training/*"], actions = [
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject",
      ] },
      { sid = "ListInputAndOutput", actions = local.list, resources = [local.data, local.models] },
    ]) }

    processing = { service = "sagemaker.amazonaws.com", statements = concat(local.every_container["processing"], [
      { sid = "ReadInput", actions = ["s3:GetObject"], resources = concat(["${local.data}/*", "${local.models}/code/*"], local.model_archives) },
      # What a job writes becomes a dataset only when the prepare build has checked and published it.
      { sid = "WriteJobOutput", actions = local.upload, resources = ["${local.data}/prepared/_jobs/*", "${local.models}/evaluation/*"] },
      { sid = "ListInputAndOutput", actions = local.list, resources = [local.data, local.models] },
    ]) }

    endpoint = { service = "sagemaker.amazonaws.com", statements = concat(local.every_container["endpoint"], [
      # A model and nothing else: an endpoint can't read anybody's text.
      { sid = "ReadModel", actions = ["s3:GetObject"], resources = local.model_archives },
      { sid = "FindModel", actions = local.list, resources = [local.models] },
      # SageMaker watches these during an update, and rolls back when one fires.
      { sid = "WatchRollbackAlarms", actions = ["cloudwatch:DescribeAlarms"], resources = [
        for name in values(var.endpoint_names) : "${local.arn.alarm}:${name}-*"
      ] },
    ]) }
  }
}
