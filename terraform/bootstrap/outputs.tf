output "backend_config" {
  description = "Content of terraform/backend.config."
  value       = <<-EOT
    bucket       = "${aws_s3_bucket.state.id}"
    key          = "platform/terraform.tfstate"
    region       = "${data.aws_region.current.name}"
    use_lockfile = true
    encrypt      = true
    kms_key_id   = "${aws_kms_key.state.arn}"
  EOT
}
