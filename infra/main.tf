# What all regions have alike. A region is one file (region_*.tf) and its line in `regions`.

locals {
  name = "ecommerce-${var.env}"

  # The first replica of each global table lies in the home region, and so does what exists once in the world.
  home = "us-east-1"

  regions = {
    us-east-1      = { continent = "am", journal = true }
    eu-west-1      = { continent = "eu", journal = true }
    ap-southeast-1 = { continent = "ap", journal = true }
  }

  # The user pools lie in the journal regions.
  pools = [module.us_east_1.pool, module.eu_west_1.pool, module.ap_southeast_1.pool]

  # As the services declare them, by what follows in their names, with what only AWS has to know.
  declared = {
    for table in jsondecode(file("${path.module}/tables.json")) : join("-", compact([table.service, table.table])) => table
  }
  expiring = {
    users-carts        = "ttl"
    products-wishes    = "ttl"
    products-notices   = "ttl"
    warehouse-refusals = "ttl"
    platform-inbox     = "ttl"
  }
  tables = { for name, table in local.declared : name => merge(table, { ttl = lookup(local.expiring, name, null) }) }

  # A continent's copy of the journal lies in its journal region alone.
  journal_tables = ["orders-journal", "orders-tokens", "platform-leases"]

  shared = {
    env          = var.env
    name         = local.name
    account_id   = var.account_id
    domain       = var.domain
    zone_id      = var.zone_id
    certificates = var.certificates
    regions      = local.regions
    protected    = var.env != "dev"
    evacuated    = var.evacuated
    log_days     = var.log_days
    archive_days = var.env == "dev" ? 7 : 30

    services       = local.services
    subscriptions  = jsondecode(file("${path.module}/subscriptions.json"))
    tables         = local.tables
    journal_tables = local.journal_tables
    schema         = file("${path.module}/graphql/schema.graphql")
    access         = jsondecode(file("${path.module}/graphql/access.json"))

    release         = var.release
    buckets         = var.buckets
    architecture    = var.architecture
    live            = var.live
    concurrency     = var.concurrency
    requests_per_s  = var.requests_per_s
    api_key_expires = var.api_key_expires
    emails          = var.emails

    tags              = local.tags
    drill_addresses   = var.drill_addresses
    experiment_layers = var.experiment_layers
    # By region and scenario, what `simulator export fis` wrote.
    experiments = {
      for region in keys(local.regions) : region => {
        for scenario in var.experiments : scenario => "${path.module}/experiments/${scenario}/${region}.json"
        if fileexists("${path.module}/experiments/${scenario}/${region}.json")
      }
    }
  }
}

module "global_tables" {
  source    = "./modules/tables"
  providers = { aws = aws.us_east_1 }

  name       = local.name
  tables     = { for name, table in local.tables : name => table if table.replication == "global" }
  replicated = true
  protected  = local.shared.protected
  key_arn    = module.us_east_1.key_arn
}

module "catalogue_firewall" {
  source    = "./modules/firewall"
  providers = { aws = aws.us_east_1 }

  name               = local.name
  scope              = "CLOUDFRONT"
  guarded            = {}
  requests_per_5_min = 5000
  key_arn            = module.us_east_1.key_arn
  log_days           = var.log_days
}

module "catalogue" {
  source    = "./modules/catalogue"
  providers = { aws = aws.us_east_1 }

  name            = local.name
  domain          = var.domain
  zone_id         = var.zone_id
  fallback_region = "eu-west-1"
  certificate_arn = var.certificates["us-east-1"]
  web_acl_arn     = module.catalogue_firewall.arn
}
