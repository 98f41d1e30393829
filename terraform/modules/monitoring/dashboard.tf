locals {
  variant_name = "moderation" # as in terraform/endpoint

  # One row of graphs for each endpoint: title, metrics, statistic.
  endpoint_graphs = {
    requests = { title = "requests and errors per minute", metrics = ["Invocations", "Invocation4XXErrors", "Invocation5XXErrors"], statistic = "Sum" }
    latency  = { title = "model latency, p99, microseconds", metrics = ["ModelLatency", "OverheadLatency"], statistic = "p99" }
  }
  widgets = concat(
    flatten([
      for row, environment in ["prod", "staging"] : [
        for column, graph in ["requests", "latency"] : {
          type = "metric", x = column * 12, y = row * 6, width = 12, height = 6
          properties = {
            title  = "${environment}: ${local.endpoint_graphs[graph].title}"
            region = var.region
            stat   = local.endpoint_graphs[graph].statistic
            period = 60
            metrics = [
              for metric in local.endpoint_graphs[graph].metrics :
              ["AWS/SageMaker", metric, "EndpointName", var.endpoint_names[environment], "VariantName", local.variant_name]
            ]
          }
        }
      ]
    ]),
    [
      {
        type = "metric", x = 0, y = 12, width = 12, height = 6
        properties = {
          title   = "builds: seconds"
          region  = var.region
          stat    = "Maximum"
          period  = 3600
          metrics = [for name in values(var.build_names) : ["AWS/CodeBuild", "Duration", "ProjectName", name]]
        }
      },
      {
        type = "metric", x = 12, y = 12, width = 12, height = 6
        properties = {
          title   = "builds: failures"
          region  = var.region
          stat    = "Sum"
          period  = 3600
          metrics = [for name in values(var.build_names) : ["AWS/CodeBuild", "FailedBuilds", "ProjectName", name]]
        }
      },
    ],
  )
}

# One page: are the endpoints well, and does the pipeline run.
resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.project_name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
