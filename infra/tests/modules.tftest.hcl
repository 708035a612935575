# The modules one by one: who is asked for what at the doors, what a table is, what a consumer gets, what an experiment is.

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
    publishes        = ["orders"]
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
    condition     = length(coalesce(aws_lambda_function.service.layers, [])) == 0 && !contains(keys(aws_lambda_function.service.environment[0].variables), "AWS_LAMBDA_EXEC_WRAPPER")
    error_message = "A function has FIS's extension without experiments."
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
    publishes        = ["orders"]
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
      orders-journal = {
        partition = { name = "shard", type = "S" }
        sort      = { name = "keyHash", type = "S" }
        indexes = [
          { name = "unclosed", partition = { name = "shard", type = "S" }, sort = { name = "unclosed", type = "N" }, local = true },
          { name = "global", partition = { name = "keyHash", type = "S" }, sort = { name = "unclosed", type = "N" } },
        ]
      }
    }
  }

  assert {
    condition     = [for index in aws_dynamodb_table.here["orders-journal"].local_secondary_index : index.name] == ["unclosed"] && [for index in aws_dynamodb_table.here["orders-journal"].global_secondary_index : index.name] == ["global"]
    error_message = "An index is local where it says so, and global elsewhere."
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

  assert {
    condition     = !contains(aws_cognito_user_pool_client.shop.explicit_auth_flows, "ALLOW_USER_PASSWORD_AUTH")
    error_message = "The pool takes passwords, and there is no drill."
  }
}

run "a_function_that_experiments_reach" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    name             = "ecommerce-staging"
    service          = "orders"
    region           = "eu-west-1"
    account_id       = "123456789012"
    key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    package          = { bucket = "releases", key = "0000000/orders.zip" }
    architecture     = "arm64"
    memory_mb        = 1024
    timeout_s        = 12
    concurrency      = 100
    live             = {}
    tables           = ["orders"]
    scans            = []
    publishes        = ["orders"]
    bus_arn          = "arn:aws:events:eu-west-1:123456789012:event-bus/ecommerce-staging"
    consumes         = false
    works            = false
    calls            = []
    config_parameter = "/ecommerce/staging/platform/config/json"
    keys_secret      = "ecommerce/staging/orders/keys"
    log_days         = 30
    extension = {
      layer      = "arn:aws:lambda:eu-west-1:123456789012:layer:extension:1"
      bucket_arn = "arn:aws:s3:::experiments"
      folder     = "configuration/"
    }
  }

  assert {
    condition     = aws_lambda_function.service.layers == tolist(["arn:aws:lambda:eu-west-1:123456789012:layer:extension:1"])
    error_message = "The function has no extension."
  }

  assert {
    condition = alltrue([
      for name, value in {
        AWS_FIS_CONFIGURATION_LOCATION = "arn:aws:s3:::experiments/configuration/"
        AWS_LAMBDA_EXEC_WRAPPER        = "/opt/aws-fis/bootstrap"
        BIGSMOKES_PARAMETER            = "/ecommerce/staging/platform/config/json"
      } : aws_lambda_function.service.environment[0].variables[name] == value
    ])
    error_message = "The extension is not told what it needs, or the service no more."
  }

  assert {
    condition = {
      for statement in local.policy.Statement : statement.Sid => statement.Resource if contains(["HearsOfFaults", "ListsFaults"], statement.Sid)
    } == { HearsOfFaults = ["arn:aws:s3:::experiments/configuration/*"], ListsFaults = ["arn:aws:s3:::experiments"] }
    error_message = "The function may read something else than its faults, or not those."
  }
}

run "what_an_experiment_is" {
  command = plan

  module {
    source = "./modules/experiments"
  }

  variables {
    name          = "ecommerce-staging"
    region        = "us-east-1"
    other_regions = ["eu-west-1", "ap-southeast-1"]
    account_id    = "123456789012"
    templates     = { flood-americas = "experiments/flood-americas/us-east-1.json" }
    tags          = { platform = "bigsmokes", environment = "staging", managed-by = "terraform" }
    architecture  = "arm64"
    layer         = "arn:aws:lambda:us-east-1:123456789012:layer:extension:1"
    dashboard     = "ecommerce-staging-us-east-1-region"
    region_alarm  = "ecommerce-staging-region"
    key_arn       = "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    log_days      = 30
  }

  assert {
    condition     = !strcontains(aws_cloudformation_stack.experiment["flood-americas"].template_body, "$${")
    error_message = "A variable of the template was not filled in."
  }

  assert {
    condition = {
      for name, action in local.properties["flood-americas"].Actions : name => action.ActionId
      } == {
      functions-fail     = "aws:lambda:invocation-error"
      replication-paused = "aws:dynamodb:global-table-pause-replication"
      until-minute-1     = "aws:fis:wait"
    }
    error_message = "The experiment does something else than the scenario."
  }

  assert {
    condition = {
      for name, target in local.properties["flood-americas"].Targets : name => target.ResourceTags
      } == {
      functions     = { platform = "bigsmokes", environment = "staging", region = "us-east-1" }
      global-tables = { platform = "bigsmokes", environment = "staging", region = "us-east-1", replication = "global" }
    }
    error_message = "The experiment meets something else than this environment's functions and global tables."
  }

  # FIS starts no experiment whose alarm lies in another region, and the region's own alarm would end each at once.
  assert {
    condition = local.properties["flood-americas"].StopConditions == [{
      Source = "aws:cloudwatch:alarm"
      Value  = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:${aws_cloudwatch_metric_alarm.others.alarm_name}"
    }]
    error_message = "The experiment does not end by an alarm of its region about the others."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.others.event_pattern).region == ["eu-west-1", "ap-southeast-1"]
    error_message = "The alarm is about other regions than the others."
  }

  assert {
    condition     = local.properties["flood-americas"].RoleArn == "arn:aws:iam::123456789012:role/${aws_iam_role.fis.name}"
    error_message = "The experiment takes another role."
  }

  assert {
    condition = toset([
      for statement in output.policy.Statement : one(statement.Action) if contains(statement.Resource, "*")
    ]) == toset(["tag:GetResources", "cloudwatch:GetMetricWidgetImage"])
    error_message = "FIS may do something everywhere that can be narrowed."
  }

  assert {
    condition = alltrue(flatten([
      for statement in output.policy.Statement : [for action in statement.Action : !strcontains(action, "*")]
    ]))
    error_message = "FIS's role allows a whole family of actions."
  }
}

run "what_a_region_in_distress_tells" {
  command = plan

  module {
    source = "./modules/distress"
  }

  variables {
    name         = "ecommerce-staging"
    region       = "eu-west-1"
    account_id   = "123456789012"
    told         = ["us-east-1"]
    region_alarm = "ecommerce-staging-region"
  }

  assert {
    condition     = aws_cloudwatch_event_target.bus["us-east-1"].arn == "arn:aws:events:us-east-1:123456789012:event-bus/default"
    error_message = "Distress is told to another bus than the one that experiments listen to."
  }

  # What others told is told to nobody, or news would go round for ever.
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.alarm.event_pattern).region == ["eu-west-1"]
    error_message = "A region tells of others' distress."
  }
}

run "who_a_drill_lets_in" {
  command = plan

  module {
    source = "./modules/firewall"
  }

  variables {
    name               = "ecommerce-staging"
    scope              = "REGIONAL"
    guarded            = {}
    requests_per_5_min = 2000
    unlimited          = ["192.0.2.10/32"]
    key_arn            = "arn:aws:kms:eu-west-1:123456789012:key/1"
    log_days           = 30
  }

  # AWS's lists hold for a drill too; only the limit does not.
  assert {
    condition = {
      for rule in aws_wafv2_web_acl.door.rule : rule.name => rule.priority if contains(["Unlimited", "OneAddress"], rule.name)
    } == { Unlimited = 3, OneAddress = 4 }
    error_message = "Whoever runs a drill is stopped by the limit, or gets past AWS's lists."
  }
}

run "misspelt_range_of_a_drill_is_refused" {
  command = plan

  variables {
    drill_addresses = ["the office"]
  }

  expect_failures = [var.drill_addresses]
}
