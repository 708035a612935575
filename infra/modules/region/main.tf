# Everything that one region has.

locals {
  name       = var.shared.name
  here       = var.shared.regions[var.region]
  others     = [for region in keys(var.shared.regions) : region if region != var.region]
  in_journal = local.here.journal

  regional_tables = {
    for name, table in var.shared.tables : name => table
    if table.replication == "regional" && (local.in_journal || !contains(var.shared.journal_tables, name))
  }
  global_tables = [for name, table in var.shared.tables : name if table.replication == "global"]

  # By scenario, the files of the experiments that run here; and where others run.
  experiments       = var.shared.experiments[var.region]
  drilled_elsewhere = [for region, files in var.shared.experiments : region if region != var.region && length(files) > 0]

  # By name, the services that have a door: those with a function, and those that they host.
  doors = merge(
    { for service, is in var.shared.services : service => { host = service, open_paths = is.open_paths, world = is.world } },
    merge([
      for service, is in var.shared.services : {
        for hosted, has in is.hosts : hosted => { host = service, open_paths = has.open_paths, world = [] }
      }
    ]...),
  )

  # The names of a service's tables that exist here.
  tables_here = concat(local.global_tables, keys(local.regional_tables))
}

module "key" {
  source = "../key"

  name       = local.name
  account_id = var.shared.account_id
  region     = var.region
}

module "replicas" {
  source = "../replicas"

  of        = var.global_tables
  protected = var.shared.protected
  key_arn   = module.key.arn
}

module "tables" {
  source = "../tables"

  name       = local.name
  tables     = local.regional_tables
  replicated = false
  protected  = var.shared.protected
  key_arn    = module.key.arn
}

module "events" {
  source = "../events"

  name          = local.name
  subscriptions = var.shared.subscriptions
  archive_days  = var.shared.archive_days
  # Eight tries span ten minutes.
  tries        = 8
  visibility_s = 75
  key_arn      = module.key.arn
}

module "identity" {
  source = "../identity"
  count  = local.in_journal ? 1 : 0

  name      = local.name
  continent = local.here.continent
  protected = var.shared.protected

  takes_passwords = length(var.shared.drill_addresses) > 0

  on_confirmed = {
    function = module.service["users"].function
    alias    = module.service["users"].alias.name
    arn      = module.service["users"].alias.arn
  }
}

module "service" {
  source   = "../service"
  for_each = var.shared.services

  name       = local.name
  service    = each.key
  region     = var.region
  account_id = var.shared.account_id
  key_arn    = module.key.arn

  package = {
    bucket = var.shared.buckets[var.region]
    key    = "${var.shared.release}/${each.key}.zip"
  }
  architecture = var.shared.architecture
  memory_mb    = each.value.memory_mb
  # A handler of an event may take 8 s.
  timeout_s   = 12
  concurrency = lookup(var.shared.concurrency, each.key, 100)
  live        = try(var.shared.live[each.key][var.region], {})

  tables    = [for table in each.value.tables : table if contains(local.tables_here, table)]
  scans     = [for table in each.value.scans : table if contains(local.tables_here, table)]
  publishes = each.value.publishes ? concat([each.key], keys(each.value.hosts)) : []
  bus_arn   = module.events.bus.arn
  consumes  = each.value.consumes
  queue_arn = lookup(module.events.queues, each.key, null)
  works     = each.value.works
  calls     = each.value.calls

  config_parameter = local.config_parameter
  keys_secret      = local.keys_secrets[each.key]
  log_days         = var.shared.log_days
  # By its number: a splat would wait for all that the module makes, and that waits for the functions.
  extension = length(local.experiments) > 0 ? module.experiments[0].extension : null
}

module "api" {
  source   = "../api"
  for_each = local.doors

  name       = local.name
  service    = each.key
  region     = var.region
  invoke_arn = module.service[each.value.host].alias.invoke_arn
  function   = module.service[each.value.host].function
  alias      = module.service[each.value.host].alias.name
  open_paths = each.value.open_paths

  requests_per_s  = var.shared.requests_per_s
  requests_burst  = 2 * var.shared.requests_per_s
  domain          = var.shared.domain
  zone_id         = var.shared.zone_id
  certificate_arn = var.shared.certificates[var.region]
  world_names     = [for name in each.value.world : "${name}.${var.shared.domain}"]
  key_arn         = module.key.arn
  log_days        = var.shared.log_days

  depends_on = [aws_api_gateway_account.region]
}

module "names" {
  source = "../names"

  region    = var.region
  zone_id   = var.shared.zone_id
  evacuated = contains(var.shared.evacuated, var.region)
  at = merge([
    for service, api in module.api : {
      for name, target in api.world : name => merge(target, { checked = trimprefix(api.url, "https://") })
    }
  ]...)
}

module "graphql" {
  source = "../graphql"

  name            = local.name
  region          = var.region
  account_id      = var.shared.account_id
  schema          = var.shared.schema
  access          = var.shared.access
  pools           = var.pools
  frontend_arn    = module.service["frontend-api"].alias.arn
  introspection   = var.shared.env != "prod"
  api_key_expires = var.shared.api_key_expires
  key_arn         = module.key.arn
  log_days        = var.shared.log_days
}

module "firewall" {
  source = "../firewall"

  name               = local.name
  scope              = "REGIONAL"
  guarded            = merge({ graphql = module.graphql.arn }, { for service, api in module.api : service => api.stage_arn })
  requests_per_5_min = 2000
  unlimited          = var.shared.drill_addresses
  key_arn            = module.key.arn
  log_days           = var.shared.log_days
}

module "watch" {
  source = "../watch"

  name          = local.name
  env           = var.shared.env
  region        = var.region
  other_regions = local.others
  services      = keys(var.shared.services)
  global_tables = local.global_tables
  parked        = module.events.parked
  graphql_id    = module.graphql.id
  emails        = var.shared.emails
  key_arn       = module.key.arn
}

module "experiments" {
  source = "../experiments"
  count  = length(local.experiments) > 0 ? 1 : 0

  name          = local.name
  region        = var.region
  other_regions = local.others
  account_id    = var.shared.account_id
  templates     = local.experiments
  tags          = var.shared.tags
  architecture  = var.shared.architecture
  layer         = lookup(var.shared.experiment_layers, var.region, null)
  dashboard     = module.watch.dashboard
  region_alarm  = module.watch.composite_name
  key_arn       = module.key.arn
  log_days      = var.shared.log_days
}

module "distress" {
  source = "../distress"
  count  = length(local.drilled_elsewhere) > 0 ? 1 : 0

  name         = local.name
  region       = var.region
  account_id   = var.shared.account_id
  told         = local.drilled_elsewhere
  region_alarm = module.watch.composite_name
}
