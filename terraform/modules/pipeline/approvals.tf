locals {
  # What a person reads before prod changes, beside the link to the report; with the variables filled in it must stay within 1,000 characters.
  approval_text = join(" | ", [
    "Gate #{Evaluate.GATE}: #{Evaluate.GATE_SUMMARY}",
    "Macro average precision #{Evaluate.MACRO_AVERAGE_PRECISION} (live in prod #{Evaluate.CHAMPION_MACRO_AVERAGE_PRECISION}, difference #{Evaluate.AGAINST_CHAMPION}), AUROC #{Evaluate.MACRO_AUROC}, F1 #{Evaluate.MACRO_F1}",
    "Worst label #{Evaluate.WORST_LABEL}, most flips #{Evaluate.MOST_FLIPS}, false positives per 1,000 clean rows #{Evaluate.FALSE_POSITIVES_PER_1000_CLEAN}",
    "#{Evaluate.MODEL_PACKAGE_ARN}, policy #{Evaluate.POLICY_ID}",
    "Dataset #{Prepare.DATASET_VERSION} (#{Prepare.DATASET_ROWS})",
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
