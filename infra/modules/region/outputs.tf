output "key_arn" {
  description = "The region's key."
  value       = module.key.arn
}

output "pool" {
  description = "The user pool of the continent, where this is its journal region."
  value = local.in_journal ? {
    continent = local.here.continent
    region    = var.region
    id        = module.identity[0].pool.id
    client_id = module.identity[0].pool.client_id
  } : null
}

output "graphql_url" {
  description = "Where GraphQL is asked."
  value       = module.graphql.url
}

output "door_url" {
  description = "The frontend API itself: what AppSync passes on to, with the headers that customers' edges need."
  value       = module.api["frontend-api"].url
}

output "keys" {
  description = "The secrets of the services' keys."
  value       = sort(values(local.keys_secrets))
}

output "policies" {
  description = "What each service may do."
  value       = { for service, built in module.service : service => built.policy }
}

output "tables" {
  description = "The tables that the region has, by what follows in their names."
  value       = sort(local.tables_here)
}

output "versions" {
  description = "Of each service, the newest version and the one that serves."
  value       = { for service, built in module.service : service => built.versions }
}

output "experiments" {
  description = "The experiment templates of FIS by scenario."
  value       = merge({}, module.experiments[*].ids...)
}

output "dashboards" {
  description = "The dashboards as JSON, by name."
  value       = module.watch.dashboards
}

output "told" {
  description = "The regions that are told when this one cannot serve its customers."
  value       = flatten(module.distress[*].told)
}
