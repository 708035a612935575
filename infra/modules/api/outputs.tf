output "arn" {
  description = "The API, as callers are permitted to invoke it."
  value       = aws_api_gateway_rest_api.service.execution_arn
}

output "metric_name" {
  description = "The API's name, as metrics have it."
  value       = aws_api_gateway_rest_api.service.name
}

output "stage_arn" {
  description = "The stage, for the web ACL."
  value       = aws_api_gateway_stage.service.arn
}

output "url" {
  description = "The service's address in this region."
  value       = "https://${local.own_name}"
}

output "world" {
  description = "What the world-wide names stand for here."
  value = {
    for name in var.world_names : name => {
      name    = aws_api_gateway_domain_name.at[name].regional_domain_name
      zone_id = aws_api_gateway_domain_name.at[name].regional_zone_id
    }
  }
}

output "description" {
  description = "The API's OpenAPI description."
  value       = local.description
}
