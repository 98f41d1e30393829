output "alarm_topic_arn" {
  description = "Where alarms and failures are published."
  value       = aws_sns_topic.alarms.arn

  # An alarm that may not publish yet would be lost.
  depends_on = [aws_sns_topic_policy.alarms]
}
