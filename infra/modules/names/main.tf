# A world-wide name in one region: customers get the nearest region that is well. Answers come from Route 53's own
# servers and go on while us-east-1 is away; changes do not.

resource "aws_route53_health_check" "region" {
  for_each = var.at

  type              = "HTTPS"
  fqdn              = each.value.checked
  port              = 443
  resource_path     = "/readyz"
  request_interval  = 10
  failure_threshold = 3
  # Three are the fewest that Route 53 takes. Every look costs a request, and each of these sends several.
  regions = ["us-east-1", "eu-west-1", "ap-southeast-1"]
}

resource "aws_route53_record" "nearest" {
  #checkov:skip=CKV2_AWS_23: it stands for an API's own domain name, which checkov does not follow through modules/region
  for_each = var.evacuated ? {} : var.at

  zone_id         = var.zone_id
  name            = each.key
  type            = "A"
  set_identifier  = var.region
  health_check_id = aws_route53_health_check.region[each.key].id

  latency_routing_policy {
    region = var.region
  }

  alias {
    name                   = each.value.name
    zone_id                = each.value.zone_id
    evaluate_target_health = true
  }
}
