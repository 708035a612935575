# What a person looks at: the region as a whole, and the business of the services that have one.

locals {
  # Metrics of the services themselves, by namespace ecommerce.{service}, with dimensions environment and service.
  business = {
    orders    = ["orderCreated", "orderCreatedTotal", "orderPackaged", "orderFailed", "orderFulfilled"]
    warehouse = ["packageCreated", "packagingFailed"]
    delivery  = ["deliveryCreated", "deliveryCompleted", "deliveryFailed"]
    payment   = ["paymentCreated", "paymentProcessed", "paymentCancelled", "amountWon", "amountLost"]
  }

  frame = { width = 12, height = 6, type = "metric" }
  draw  = { region = var.region, view = "timeSeries", period = 60 }

  # Lines of the region's graphs.
  of_doors = {
    for metric in ["Latency", "5XXError"] : metric => concat(
      [["AWS/AppSync", metric, "GraphQLAPIId", var.graphql_id]],
      [for service in var.services : ["AWS/ApiGateway", metric, "ApiName", "${var.name}-${service}"]],
    )
  }
  of_functions = {
    for metric in ["ConcurrentExecutions", "Invocations", "Errors", "Throttles"] : metric => {
      for service in var.services : service => ["AWS/Lambda", metric, "FunctionName", "${var.name}-${service}"]
    }
  }
  of_replication = [
    for pair in setproduct(var.other_regions, var.global_tables) :
    ["AWS/DynamoDB", "ReplicationLatency", "TableName", "${var.name}-${pair[1]}", "ReceivingRegion", pair[0]]
  ]
  of_queues = [
    for name in concat(values(var.parked), [for parked in values(var.parked) : trimsuffix(parked, "-dlq")]) :
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]
  ]
  of_firewall = [["AWS/WAFV2", "BlockedRequests", "WebACL", "${var.name}-regional", "Region", var.region, "Rule", "ALL"]]

  region = [
    { title = "Answers, p99 in ms: a second at most", stat = "p99", metrics = local.of_doors.Latency },
    { title = "Answers with 5xx", stat = "Sum", metrics = local.of_doors["5XXError"] },
    { title = "Writes on their way to other regions, ms", stat = "Average", metrics = local.of_replication },
    { title = "Events waiting, and parked", stat = "Maximum", metrics = local.of_queues },
    { title = "Invocations at the same time", stat = "Maximum", metrics = values(local.of_functions.ConcurrentExecutions) },
    { title = "Requests refused at the door", stat = "Sum", metrics = local.of_firewall },
  ]

  boards = merge({ region = local.region }, {
    for service, names in local.business : service => concat(
      [
        for name in names :
        { title = name, stat = "Sum", metrics = [["ecommerce.${service}", name, "environment", var.env, "service", service]] }
      ],
      [{
        title   = "Invocations and errors"
        stat    = "Sum"
        metrics = [for metric in ["Invocations", "Errors", "Throttles"] : local.of_functions[metric][service]]
      }],
    )
  })
}

resource "aws_cloudwatch_dashboard" "board" {
  for_each = local.boards

  dashboard_name = "${var.name}-${var.region}-${each.key}"
  dashboard_body = jsonencode({
    widgets = [for at, graph in each.value : merge(local.frame, {
      x          = at % 2 * 12
      y          = floor(at / 2) * 6
      properties = merge(local.draw, graph)
    })]
  })
}
