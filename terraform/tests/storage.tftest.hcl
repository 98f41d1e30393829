# Data at rest and in transit. Offline: a real provider that calls nobody.
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
  region                   = "ap-southeast-1"
  model_package_group_name = "moderation"
  force_destroy            = false
}

override_resource {
  target          = aws_kms_key.this
  override_during = plan
  values          = { arn = "arn:aws:kms:ap-southeast-1:123456789012:key/1" }
}
override_resource {
  target          = aws_s3_bucket.logs
  override_during = plan
  values          = { arn = "arn:aws:s3:::moderation-logs-123456789012-ap-southeast-1" }
}

run "buckets_are_private_encrypted_versioned_and_deaf_to_plain_http" {
  command = plan
  module {
    source = "./modules/storage"
  }

  assert {
    condition = alltrue([
      for purpose, document in data.aws_iam_policy_document.tls_only : jsondecode(document.json).Statement[0].Effect == "Deny" &&
      jsondecode(document.json).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } } &&
      toset(jsondecode(document.json).Statement[0].Resource) == toset([
        "arn:aws:s3:::moderation-${purpose}-123456789012-ap-southeast-1", "arn:aws:s3:::moderation-${purpose}-123456789012-ap-southeast-1/*"
      ])
    ])
    error_message = "a bucket or its objects can be reached over plain HTTP"
  }
  assert {
    condition = alltrue([
      for purpose in ["artifacts", "data", "models", "state"] :
      aws_s3_bucket_versioning.this[purpose].versioning_configuration[0].status == "Enabled" &&
      one(one(aws_s3_bucket_server_side_encryption_configuration.this[purpose].rule).apply_server_side_encryption_by_default).kms_master_key_id == "arn:aws:kms:ap-southeast-1:123456789012:key/1" &&
      aws_s3_bucket_public_access_block.this[purpose].restrict_public_buckets && aws_s3_bucket_public_access_block.this[purpose].block_public_policy &&
      aws_s3_bucket_public_access_block.this[purpose].block_public_acls && aws_s3_bucket_public_access_block.this[purpose].ignore_public_acls &&
      aws_s3_bucket_logging.this[purpose].target_prefix == "s3/${purpose}/" &&
      length(aws_s3_bucket_policy.this[purpose].policy) > 0 && !aws_s3_bucket.this[purpose].force_destroy
    ])
    error_message = "a bucket lacks versions, the key, its privacy, its access log or its policy, or can be deleted with its content"
  }
  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this["data"].rule : [one(rule.expiration).days, one(rule.noncurrent_version_expiration).noncurrent_days]
      if rule.id == "remove-job-output" && one(rule.filter).prefix == "prepared/_jobs/"
    ] == [[14, 1]] && alltrue([for purpose in ["artifacts", "models", "state"] : length(aws_s3_bucket_lifecycle_configuration.this[purpose].rule) == 1])
    error_message = "texts that jobs left stay for ever, or something else expires"
  }
  assert {
    condition     = alltrue([for bucket in concat(values(aws_s3_bucket.this), [aws_s3_bucket.logs]) : length(bucket.bucket) <= 63])
    error_message = "a bucket's name is longer than 63 characters"
  }
  assert {
    condition = aws_kms_key.this.enable_key_rotation && alltrue([
      for statement in jsondecode(aws_kms_key.this.policy).Statement : can(statement.Principal.AWS) || can(statement.Condition)
    ])
    error_message = "the key does not rotate, or a service may use it for anybody"
  }
}
