output "bucket_names" {
  description = "Purpose (artifacts, data, models, state) to name."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.id }
}

output "bucket_arns" {
  description = "Purpose (artifacts, data, models, state) to ARN."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.arn }
}

output "kms_key_arn" {
  description = "Key of buckets, volumes, logs and topics."
  value       = aws_kms_key.this.arn
}

output "model_package_group_name" {
  description = "Model Registry group of all candidates."
  value       = aws_sagemaker_model_package_group.this.model_package_group_name
}
