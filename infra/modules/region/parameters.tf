# What services and people look up: names of resources, the services' configuration, and their keys.

locals {
  prefix           = "/ecommerce/${var.shared.env}"
  config_parameter = "${local.prefix}/platform/config/json"
  keys_secrets     = { for service in keys(var.shared.services) : service => "ecommerce/${var.shared.env}/${service}/keys" }

  parameters = merge(
    {
      "platform/event-bus/name" = module.events.bus.name
      "platform/event-bus/arn"  = module.events.bus.arn
      "frontend-api/api/arn"    = module.graphql.arn
      "frontend-api/api/id"     = module.graphql.id
      "frontend-api/api/url"    = module.graphql.url
    },
    # {service}/table/name for the main table, {service}/table/name/{table} for further ones.
    {
      for table in local.tables_here : join("/", compact([
        var.shared.tables[table].service, "table/name", var.shared.tables[table].table
      ])) => "${local.name}-${table}"
    },
    merge([
      for service, api in module.api : {
        "${service}/api/arn" = api.arn
        "${service}/api/url" = api.url
      } if service != "frontend-api"
    ]...),
    local.in_journal ? {
      "users/user-pool/id"  = module.identity[0].pool.id
      "users/user-pool/arn" = module.identity[0].pool.arn
    } : {},
  )
}

resource "aws_ssm_parameter" "named" {
  #checkov:skip=CKV2_AWS_34: names and addresses, which are no secrets
  for_each = local.parameters

  name  = "${local.prefix}/${each.key}"
  type  = "String"
  value = each.value
}

# The services' configuration without their keys: those are never in Terraform's state.
resource "aws_ssm_parameter" "config" {
  #checkov:skip=CKV2_AWS_34: names and addresses, which are no secrets
  name  = local.config_parameter
  type  = "String"
  tier  = "Advanced" # longer than 4 KB
  value = jsonencode(merge(var.config, { region = var.region }))
}

# platform::config::Secrets as JSON; a service is given the keys that it needs, and empty ones for the others. Each region
# has its own copy, so that none depends on another one to start.
resource "aws_secretsmanager_secret" "keys" {
  #checkov:skip=CKV2_AWS_57: the other side of each key is a third party's or every other region's, so they change together by hand
  for_each = local.keys_secrets

  name                    = each.value
  description             = "The keys of the ${each.key} service"
  kms_key_id              = module.key.arn
  recovery_window_in_days = 30
}
