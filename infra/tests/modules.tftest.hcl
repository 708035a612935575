# The modules one by one: who is asked for what at the doors, what a table is, what a consumer gets.

mock_provider "aws" {}

run "graphql" {
  command = plan

  module {
    source = "./modules/graphql"
  }

  variables {
    name            = "ecommerce-staging"
    region          = "eu-west-1"
    schema          = file("graphql/schema.graphql")
    access          = jsondecode(file("graphql/access.json"))
    pools           = [{ continent = "eu", region = "eu-west-1", id = "eu-west-1_pool", client_id = "shop" }]
    frontend_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:ecommerce-staging-frontend-api:live"
    introspection   = false
    api_key_expires = "2027-06-01T00:00:00Z"
    key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_days        = 30
  }

  # A field without a word about access would be open to anybody.
  assert {
    condition = alltrue([
      for field in concat(local.fields.Query, local.fields.Mutation) : can(regex("\\t${field[0]}[(:].*@aws_", output.schema))
    ])
    error_message = "A field says nothing of who may ask for it."
  }

  assert {
    condition     = length(output.resolvers) == length(local.fields.Query) + length(local.fields.Mutation) && length(output.resolvers) >= 34
    error_message = "A field has no resolver."
  }

  assert {
    condition = alltrue([
      for field in ["createOrder", "getOrders", "me", "cancelOrder"] : local.who[field] == "@aws_cognito_user_pools"
    ])
    error_message = "A field that is for customers is open, or closed to them."
  }

  assert {
    condition     = local.who["putProduct"] == "@aws_cognito_user_pools(cognito_groups: [\"admin\"])"
    error_message = "The catalogue can be changed by others than administrators."
  }

  assert {
    condition     = !strcontains(output.schema, "\"\"\"") && !strcontains(output.schema, "type Subscription") && !can(regex("(?m)^directive", output.schema))
    error_message = "The schema has something that AppSync does not take."
  }

  assert {
    condition = strcontains(
      aws_appsync_resolver.field["Query.getOrder"].code,
      "'query getOrder($orderId: ID!, $minVersion: Int) { getOrder(orderId: $orderId, minVersion: $minVersion) '",
    )
    error_message = "A field's arguments are not passed on."
  }

  assert {
    condition     = strcontains(aws_appsync_resolver.field["Mutation.startAgeVerification"].code, "'mutation startAgeVerification { startAgeVerification '")
    error_message = "A field without arguments is asked with some."
  }
}

run "misspelt_access_is_refused" {
  command = plan

  module {
    source = "./modules/graphql"
  }

  variables {
    name            = "ecommerce-staging"
    region          = "eu-west-1"
    schema          = file("graphql/schema.graphql")
    access          = { public = ["getProduct", "getProdcts"], staff = {} }
    pools           = []
    frontend_arn    = "arn:aws:lambda:eu-west-1:123456789012:function:ecommerce-staging-frontend-api:live"
    introspection   = false
    api_key_expires = "2027-06-01T00:00:00Z"
    key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_days        = 30
  }

  expect_failures = [aws_appsync_graphql_api.door]
}

run "http" {
  command = plan

  module {
    source = "./modules/api"
  }

  variables {
    name            = "ecommerce-staging"
    service         = "users"
    region          = "eu-west-1"
    invoke_arn      = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/users/invocations"
    function        = "ecommerce-staging-users"
    alias           = "live"
    open_paths      = ["/backend/age-verifications/callback"]
    requests_per_s  = 500
    requests_burst  = 1000
    domain          = "shop.example"
    zone_id         = "Z0000000000000000000"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-0000-0000-000000000002"
    world_names     = []
    key_arn         = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_days        = 30
  }

  assert {
    condition     = output.description.paths["/backend/{rest+}"]["x-amazon-apigateway-any-method"].security == [{ sigv4 = [] }]
    error_message = "Calls between services are not signed."
  }

  assert {
    condition     = toset([for path, it in output.description.paths : path if !can(it["x-amazon-apigateway-any-method"].security)]) == toset(["/", "/{rest+}", "/backend/age-verifications/callback"])
    error_message = "Other paths are open than were named."
  }
}

run "blue_and_green" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    name             = "ecommerce-staging"
    service          = "orders"
    region           = "eu-west-1"
    key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    package          = { bucket = "releases", key = "0000000/orders.zip" }
    architecture     = "arm64"
    memory_mb        = 1024
    timeout_s        = 12
    concurrency      = 100
    live             = { version = "7", next = "8", next_share = 0.1 }
    tables           = ["orders"]
    scans            = []
    publishes        = true
    bus_arn          = "arn:aws:events:eu-west-1:123456789012:event-bus/ecommerce-staging"
    consumes         = true
    queue_arn        = "arn:aws:sqs:eu-west-1:123456789012:ecommerce-staging-orders-events"
    works            = true
    calls            = []
    config_parameter = "/ecommerce/staging/platform/config/json"
    keys_secret      = "ecommerce/staging/orders/keys"
    log_days         = 30
  }

  assert {
    condition     = aws_lambda_alias.live.function_version == "7" && aws_lambda_alias.live.routing_config[0].additional_version_weights["8"] == 0.1
    error_message = "The alias does not share its calls as it was told."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue["events"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One event that fails brings a whole batch back."
  }
}

run "next_without_version_is_refused" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    name             = "ecommerce-staging"
    service          = "orders"
    region           = "eu-west-1"
    key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    package          = { bucket = "releases", key = "0000000/orders.zip" }
    architecture     = "arm64"
    memory_mb        = 1024
    timeout_s        = 12
    concurrency      = 100
    live             = { next = "8", next_share = 0.1 }
    tables           = ["orders"]
    scans            = []
    publishes        = true
    bus_arn          = "arn:aws:events:eu-west-1:123456789012:event-bus/ecommerce-staging"
    consumes         = false
    works            = false
    calls            = []
    config_parameter = "/ecommerce/staging/platform/config/json"
    keys_secret      = "ecommerce/staging/orders/keys"
    log_days         = 30
  }

  expect_failures = [var.live]
}

run "what_a_table_is" {
  command = plan

  module {
    source = "./modules/tables"
  }

  variables {
    name       = "ecommerce-staging"
    replicated = false
    protected  = true
    key_arn    = "arn:aws:kms:sa-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    tables = {
      platform-inbox = { partition = { name = "id", type = "S" }, indexes = [], ttl = "ttl" }
      payment-ledger = { partition = { name = "orderId", type = "S" }, sort = { name = "seq", type = "N" }, indexes = [] }
    }
  }

  assert {
    condition     = aws_dynamodb_table.here["platform-inbox"].ttl[0].attribute_name == "ttl" && length(aws_dynamodb_table.here["payment-ledger"].ttl) == 0
    error_message = "Rows of the inbox end, those of a ledger do not."
  }

  assert {
    condition     = aws_dynamodb_table.here["payment-ledger"].range_key == "seq" && !aws_dynamodb_table.here["payment-ledger"].stream_enabled
    error_message = "A table that stays in its region has its sort key and no stream."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.here : table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled])
    error_message = "A table is not protected, or cannot be restored."
  }
}

run "what_a_consumer_gets" {
  command = plan

  module {
    source = "./modules/events"
  }

  variables {
    name         = "ecommerce-staging"
    archive_days = 30
    visibility_s = 75
    tries        = 8
    key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    subscriptions = [{
      consumer = "warehouse"
      events = [
        { source = "ecommerce.orders", kinds = ["OrderCreated", "OrderCancelled"] },
        { source = "ecommerce.orders", kinds = ["OrderModified"], only = { path = ["new", "status"], values = ["NEW"] } },
      ]
    }]
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.consumer["warehouse"].event_pattern) == {
      "$or" = [
        { source = ["ecommerce.orders"], "detail-type" = ["OrderCreated", "OrderCancelled"] },
        { source = ["ecommerce.orders"], "detail-type" = ["OrderModified"], detail = { new = { status = ["NEW"] } } },
      ]
    }
    error_message = "A rule does not say what the consumer asked for."
  }

  assert {
    condition     = aws_sqs_queue.events["warehouse"].name == "ecommerce-staging-warehouse-events" && aws_sqs_queue.parked["warehouse"].name == "ecommerce-staging-warehouse-events-dlq"
    error_message = "A queue has another name than the services look for."
  }
}

run "who_is_told_of_a_sign_up" {
  command = plan

  module {
    source = "./modules/identity"
  }

  variables {
    name      = "ecommerce-staging"
    continent = "eu"
    protected = true
    on_confirmed = {
      function = "ecommerce-staging-users"
      alias    = "live"
      arn      = "arn:aws:lambda:eu-west-1:123456789012:function:ecommerce-staging-users:live"
    }
  }

  assert {
    condition = (
      aws_cognito_user_pool.continent.lambda_config[0].post_confirmation == var.on_confirmed.arn &&
      try(aws_cognito_user_pool.continent.lambda_config[0].pre_sign_up, null) == null
    )
    error_message = "The users service is told of sign-ups that nobody has confirmed, or of none."
  }

  assert {
    condition = (
      aws_lambda_permission.confirmed.principal == "cognito-idp.amazonaws.com" &&
      aws_lambda_permission.confirmed.qualifier == "live"
    )
    error_message = "The pool may not call the alias."
  }
}
