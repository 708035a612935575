# The GraphQL door of a region: AppSync checks who may ask, and hands each field to the frontend API.

resource "aws_appsync_graphql_api" "door" {
  #checkov:skip=CKV2_AWS_33: modules/region puts the regional web ACL in front of it
  name                 = var.name
  schema               = local.annotated
  authentication_type  = "API_KEY"
  xray_enabled         = true
  introspection_config = var.introspection ? "ENABLED" : "DISABLED"
  query_depth_limit    = 8
  resolver_count_limit = 50

  # All pools: customers of a lost continent are let in too, for as long as their tokens last.
  dynamic "additional_authentication_provider" {
    for_each = var.pools
    content {
      authentication_type = "AMAZON_COGNITO_USER_POOLS"
      user_pool_config {
        aws_region          = additional_authentication_provider.value.region
        user_pool_id        = additional_authentication_provider.value.id
        app_id_client_regex = additional_authentication_provider.value.client_id
      }
    }
  }

  log_config {
    cloudwatch_logs_role_arn = aws_iam_role.logs.arn
    field_log_level          = "ERROR"
    exclude_verbose_content  = true
  }

  lifecycle {
    precondition {
      condition     = length(local.unknown) == 0
      error_message = "access names fields that the schema does not have: ${join(", ", local.unknown)}"
    }
    precondition {
      condition     = length(local.too_low) == 0
      error_message = "The schema nests deeper than selection.tf looks: ${join(", ", local.too_low)}"
    }
  }
}

resource "aws_appsync_api_key" "anonymous" {
  api_id      = aws_appsync_graphql_api.door.id
  description = "Whoever has not signed in: it is no secret, and lets in to public fields alone"
  expires     = var.api_key_expires
}

resource "aws_appsync_datasource" "frontend" {
  api_id           = aws_appsync_graphql_api.door.id
  name             = "frontend_api"
  type             = "AWS_LAMBDA"
  service_role_arn = aws_iam_role.door.arn

  lambda_config {
    function_arn = var.frontend_arn
  }
}

resource "aws_appsync_resolver" "field" {
  for_each = local.questions

  api_id      = aws_appsync_graphql_api.door.id
  type        = each.value.root
  field       = each.value.name
  data_source = aws_appsync_datasource.frontend.name

  runtime {
    name            = "APPSYNC_JS"
    runtime_version = "1.0.0"
  }

  code = templatefile("${path.module}/resolver.js", {
    operation = lower(each.value.root)
    field     = each.value.name
    paths     = jsonencode(local.below[each.value.name])
    # In parentheses, where there is anything to put in them.
    declared = replace("(${join(", ", each.value.declared)})", "()", "")
    passed   = replace("(${join(", ", each.value.passed)})", "()", "")
  })
}
