# Where the service is found: {service}.{region}.{domain}, and the world-wide names that every region answers to.

locals {
  own_name = "${var.service}.${var.region}.${var.domain}"
}

resource "aws_api_gateway_domain_name" "at" {
  for_each = toset(concat([local.own_name], var.world_names))

  domain_name              = each.value
  regional_certificate_arn = var.certificate_arn
  security_policy          = "TLS_1_2"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_base_path_mapping" "at" {
  for_each = aws_api_gateway_domain_name.at

  domain_name = each.value.domain_name
  api_id      = aws_api_gateway_rest_api.service.id
  stage_name  = aws_api_gateway_stage.service.stage_name
}

resource "aws_route53_record" "own" {
  zone_id = var.zone_id
  name    = local.own_name
  type    = "A"

  alias {
    name                   = aws_api_gateway_domain_name.at[local.own_name].regional_domain_name
    zone_id                = aws_api_gateway_domain_name.at[local.own_name].regional_zone_id
    evaluate_target_health = true
  }
}
