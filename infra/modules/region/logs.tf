# API Gateway writes its logs by one role of the account in each region.

resource "aws_api_gateway_account" "region" {
  cloudwatch_role_arn = aws_iam_role.api_logs.arn
}

resource "aws_iam_role" "api_logs" {
  name = "${local.name}-apigateway-logs-${var.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "api_logs" {
  role       = aws_iam_role.api_logs.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}
