output "arn" {
  description = "The API, for the web ACL."
  value       = aws_appsync_graphql_api.door.arn
}

output "id" {
  description = "The API's id."
  value       = aws_appsync_graphql_api.door.id
}

output "url" {
  description = "Where it is asked."
  value       = aws_appsync_graphql_api.door.uris["GRAPHQL"]
}

output "schema" {
  description = "The schema as AppSync has it."
  value       = local.annotated
}

output "resolvers" {
  description = "The fields that have a resolver."
  value       = sort(keys(aws_appsync_resolver.field))
}
