# The HTTP door of one service in one region. Calls between services (/backend/…) are signed and IAM decides; whoever else
# comes proves to the service itself who they are, by token or by signed webhook.

locals {
  integration = {
    for kind, limit_ms in { open = var.open_limit_ms, signed = var.signed_limit_ms } : kind => {
      type                       = "aws_proxy"
      httpMethod                 = "POST"
      uri                        = var.invoke_arn
      payloadFormatVersion       = "1.0"
      timeoutInMillis            = limit_ms
    }
  }

  open = { "x-amazon-apigateway-any-method" = { "x-amazon-apigateway-integration" = local.integration.open } }
  signed = {
    "x-amazon-apigateway-any-method" = {
      security                          = [{ sigv4 = [] }]
      "x-amazon-apigateway-integration" = local.integration.signed
    }
  }

  # The most precise path wins.
  description = {
    openapi = "3.0.1"
    info    = { title = "${var.name}-${var.service}", version = "1" }
    paths = merge(
      { "/" = local.open, "/{rest+}" = local.open, "/backend/{rest+}" = local.signed },
      { for path in var.open_paths : path => local.open },
    )
    components = {
      securitySchemes = {
        sigv4 = {
          type                           = "apiKey"
          name                           = "Authorization"
          in                             = "header"
          "x-amazon-apigateway-authtype" = "awsSigv4"
        }
      }
    }
  }
}

resource "aws_api_gateway_rest_api" "service" {
  name                         = "${var.name}-${var.service}"
  description                  = "The ${var.service} service"
  body                         = jsonencode(local.description)
  disable_execute_api_endpoint = true

  endpoint_configuration {
    types = ["REGIONAL"]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_deployment" "service" {
  rest_api_id = aws_api_gateway_rest_api.service.id
  triggers    = { description = sha256(jsonencode(local.description)) }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "service" {
  #checkov:skip=CKV_AWS_120: answers are the callers' own; the catalogue is cached by CloudFront
  #checkov:skip=CKV2_AWS_51: callers prove who they are by signature or token, not by certificate
  #checkov:skip=CKV2_AWS_4: errors are logged; it asks for the metrics of each path as well
  #checkov:skip=CKV2_AWS_29: modules/region puts the regional web ACL in front of every stage
  rest_api_id          = aws_api_gateway_rest_api.service.id
  deployment_id        = aws_api_gateway_deployment.service.id
  stage_name           = var.service
  xray_tracing_enabled = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # No header and no query: neither tokens nor what was searched for.
    format = jsonencode({
      requestId = "$context.requestId"
      at        = "$context.requestTime"
      method    = "$context.httpMethod"
      resource  = "$context.resourcePath"
      status    = "$context.status"
      latencyMs = "$context.responseLatency"
      caller    = "$context.identity.userArn"
      fault     = "$context.error.message"
      trace     = "$context.xrayTraceId"
    })
  }
}

resource "aws_api_gateway_method_settings" "all" {
  #checkov:skip=CKV_AWS_225: as for the stage, nothing is cached here
  rest_api_id = aws_api_gateway_rest_api.service.id
  stage_name  = aws_api_gateway_stage.service.stage_name
  method_path = "*/*"

  settings {
    # Those of the API as a whole come without; these, of each path, cost 0.30 a month each.
    metrics_enabled        = false
    logging_level          = "ERROR"
    data_trace_enabled     = false
    throttling_rate_limit  = var.requests_per_s
    throttling_burst_limit = var.requests_burst
  }
}

resource "aws_cloudwatch_log_group" "access" {
  #checkov:skip=CKV_AWS_338: who called what is kept as long as the services' logs
  name              = "/aws/apigateway/${var.name}-${var.service}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

# API Gateway names it itself. There before the first error, so that it ends some day.
resource "aws_cloudwatch_log_group" "errors" {
  #checkov:skip=CKV_AWS_338: as for the services' logs
  name              = "API-Gateway-Execution-Logs_${aws_api_gateway_rest_api.service.id}/${var.service}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_permission" "api" {
  statement_id  = "ThroughTheApiOf-${var.service}"
  action        = "lambda:InvokeFunction"
  function_name = var.function
  qualifier     = var.alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.service.execution_arn}/${var.service}/*"
}
