# What people are told of. Offline: a real provider that calls nobody.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "offline"
  secret_key                  = "offline"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  project_name       = "moderation"
  account_id         = "123456789012"
  region             = "us-east-1"
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/1"
  pipeline_name      = "moderation"
  build_names        = { check = "moderation-check" }
  endpoint_names     = { staging = "moderation-staging", prod = "moderation-prod" }
  alarm_email        = "team@example.com"
  monthly_budget_usd = 100
}

run "the_budget_counts_what_carries_the_tag_of_the_project" {
  command = plan
  module {
    source = "./modules/monitoring"
  }

  assert {
    condition     = one(aws_budgets_budget.monthly[0].cost_filter).values == tolist(["user:Project$moderation"])
    error_message = "the budget counts another tag, and so nothing"
  }
  assert {
    condition     = length(aws_budgets_budget.monthly[0].notification) == 2 && aws_sns_topic_subscription.alarms[0].endpoint == "team@example.com"
    error_message = "nobody is told of costs or alarms"
  }
}

run "without_an_address_nobody_is_written_to" {
  command = plan
  module {
    source = "./modules/monitoring"
  }
  variables {
    alarm_email        = null
    monthly_budget_usd = null
  }

  assert {
    condition     = length(aws_budgets_budget.monthly) == 0 && length(aws_sns_topic_subscription.alarms) == 0
    error_message = "something is sent to nobody"
  }
}
