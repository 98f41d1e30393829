locals {
  # What a person reads before prod changes; with the variables filled in it must stay within 1,000 characters.
  approval_text = join(" | ", [
    "Gate #{Evaluate.GATE}: #{Evaluate.GATE_SUMMARY}",
    "Candidate macro average precision #{Evaluate.MACRO_AVERAGE_PRECISION} (live in prod: #{Evaluate.CHAMPION_MACRO_AVERAGE_PRECISION}), macro AUROC #{Evaluate.MACRO_AUROC}, macro F1 #{Evaluate.MACRO_F1}",
    "Package #{Evaluate.MODEL_PACKAGE_ARN}",
    "Dataset #{Prepare.DATASET_VERSION} (rows: #{Prepare.DATASET_ROWS})",
    "Commit ${local.commit}",
  ])
}

# One message for each release that waits for a person.
resource "aws_sns_topic" "approvals" {
  name              = "${var.project_name}-approvals"
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_subscription" "approvals" {
  count = var.approval_email == null ? 0 : 1

  topic_arn = aws_sns_topic.approvals.arn
  protocol  = "email"
  endpoint  = var.approval_email
}
