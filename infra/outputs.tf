locals {
  built = {
    us-east-1      = module.us_east_1
    eu-west-1      = module.eu_west_1
    ap-southeast-1 = module.ap_southeast_1
  }
}

output "graphql" {
  description = "The GraphQL API of each region (AppSync)."
  value       = { for region, built in local.built : region => built.graphql_url }
}

output "pools" {
  description = "The user pools: where {issuer}/.well-known/jwks.json is read for `pool_keys`."
  value       = { for pool in local.config.pools : pool.continent => { issuer = pool.issuer, client_id = pool.client_id } }
}

output "target" {
  description = "The deployment as `simulator --target` reads it. `accounts` is a file that is put beside it."
  value = {
    name     = local.name
    env      = var.env
    regions  = [for name, region in local.regions : { name = name, continent = region.continent, graphql = "${local.built[name].door_url}/graphql" }]
    pools    = [for pool in local.pools : { continent = pool.continent, endpoint = "https://cognito-idp.${pool.region}.amazonaws.com/", client_id = pool.client_id }]
    provider = var.provider_url
    accounts = "accounts.json"
    experiments = {
      for scenario in var.experiments : scenario => {
        for region, built in local.built : region => built.experiments[scenario] if contains(keys(built.experiments), scenario)
      }
    }
  }
}

output "keys" {
  description = "The secrets that must be given a value before a service starts, by region."
  value       = { for region, built in local.built : region => built.keys }
}

output "policies" {
  description = "What each service may do, by region."
  value       = { for region, built in local.built : region => built.policies }
}

output "tables" {
  description = "The tables of each region, by what follows in their names."
  value       = { for region, built in local.built : region => built.tables }
}

output "versions" {
  description = "Of each service, the newest version and the one that serves, by region: what `live` is made of."
  value       = { for region, built in local.built : region => built.versions }
}

output "experiments" {
  description = "The experiment templates of FIS by region and scenario, for `aws fis start-experiment`."
  value       = { for region, built in local.built : region => built.experiments }
}

output "dashboards" {
  description = "The dashboards as JSON, by region and name: for an account that Terraform does not build, or to look at."
  value       = { for region, built in local.built : region => built.dashboards }
}
