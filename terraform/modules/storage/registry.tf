# Every candidate that was evaluated, with its scores, provenance and verdict.
resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.model_package_group_name
  model_package_group_description = "Candidates of ${var.project_name}, registered by its pipeline"
}
