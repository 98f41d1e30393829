output "role_arns" {
  description = "Actor to the ARN of its role. Known only once its policy is attached: nobody starts without permissions."
  value       = { for actor, policy in aws_iam_role_policy.this : actor => aws_iam_role.this[actor].arn }
}
