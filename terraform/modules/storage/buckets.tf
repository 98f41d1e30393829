locals {
  # Purpose of each bucket, and for how many days a replaced or deleted version can still be restored.
  buckets = {
    artifacts = { old_versions_days = 30 } # source archives and build caches
    data      = { old_versions_days = 90 } # raw and prepared data, base models
    models    = { old_versions_days = 90 } # code archives, training outputs, evaluations
    state     = { old_versions_days = 90 } # state and settings of the endpoints
  }
  # What jobs leave before it is checked and published: it holds texts, and nothing reads it later.
  job_output = { prefix = "prepared/_jobs/", days = 14 }

  bucket_name = { for purpose in concat(keys(local.buckets), ["logs"]) : purpose => "${var.project_name}-${purpose}-${var.account_id}-${var.region}" }
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_144:One region: everything here is made again by a run of the pipeline, except raw data, whose master copy is with its owner
  # checkov:skip=CKV2_AWS_62:Nobody listens; the artifacts bucket sends events where it is the pipeline's source
  for_each = local.buckets

  bucket        = local.bucket_name[each.key]
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  rule {
    id     = "remove-old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = each.value.old_versions_days
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  dynamic "rule" {
    for_each = each.key == "data" ? [local.job_output] : []
    content {
      id     = "remove-job-output"
      status = "Enabled"
      filter {
        prefix = rule.value.prefix
      }
      expiration {
        days = rule.value.days
      }
      # In a bucket with versions an expired object is still there, as an old version.
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
      abort_incomplete_multipart_upload {
        days_after_initiation = 7
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = local.buckets

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "s3/${each.key}/"

  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.tls_only[each.key].json
}

data "aws_iam_policy_document" "tls_only" {
  for_each = local.bucket_name

  # Plain HTTP is refused, for the bucket as for its objects.
  statement {
    sid     = "TlsOnly"
    effect  = "Deny"
    actions = ["s3:*"]
    resources = [
      "arn:${data.aws_partition.current.partition}:s3:::${each.value}",
      "arn:${data.aws_partition.current.partition}:s3:::${each.value}/*",
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
