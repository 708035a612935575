# The catalogue for browsers, near every customer. CloudFront tries another origin for reads only, so orders do not come
# this way: who sends one tries again by itself, under the same key.

locals {
  # The nearest region that is well; where that fails, the region named here.
  origins = { nearest = "products.${var.domain}", other = "products.${var.fallback_region}.${var.domain}" }
}

resource "aws_cloudfront_distribution" "catalogue" {
  #checkov:skip=CKV_AWS_305: the root is the first page of the catalogue
  #checkov:skip=CKV_AWS_374: every country may look; what is sold where is decided by the orders service
  #checkov:skip=CKV2_AWS_47: the web ACL has the rules for Log4j; checkov does not follow it through the root
  #checkov:skip=CKV_AWS_86: reads of a public catalogue; what is refused is logged by the web ACL
  comment         = "${var.name} catalogue"
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = "PriceClass_All"
  aliases         = ["catalogue.${var.domain}"]
  web_acl_id      = var.web_acl_arn

  origin_group {
    origin_id = "any"
    failover_criteria {
      status_codes = [500, 502, 503, 504]
    }
    dynamic "member" {
      for_each = ["nearest", "other"]
      content {
        origin_id = member.value
      }
    }
  }

  dynamic "origin" {
    for_each = local.origins
    content {
      origin_id           = origin.key
      domain_name         = origin.value
      connection_attempts = 1
      connection_timeout  = 1

      custom_origin_config {
        http_port                = 80
        https_port               = 443
        origin_protocol_policy   = "https-only"
        origin_ssl_protocols     = ["TLSv1.2"]
        origin_read_timeout      = 1
        origin_keepalive_timeout = 60
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = "any"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.catalogue.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.catalogue.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

# Prices change: a page is a minute old at most. An order is checked against the table, not against what was shown.
resource "aws_cloudfront_cache_policy" "catalogue" {
  name        = "${var.name}-catalogue"
  min_ttl     = 0
  default_ttl = 10
  max_ttl     = 60

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true
    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "whitelist"
      query_strings {
        items = ["q", "category", "limit", "nextToken"]
      }
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "catalogue" {
  #checkov:skip=CKV_AWS_259: whether browsers preload the whole domain is its owner's decision; the header is set
  name = "${var.name}-catalogue"

  security_headers_config {
    content_type_options {
      override = true
    }
    frame_options {
      frame_option = "DENY"
      override     = true
    }
    referrer_policy {
      referrer_policy = "same-origin"
      override        = true
    }
    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      override                   = true
    }
  }
}

resource "aws_route53_record" "catalogue" {
  zone_id = var.zone_id
  name    = "catalogue.${var.domain}"
  type    = "A"

  alias {
    name                   = aws_cloudfront_distribution.catalogue.domain_name
    zone_id                = aws_cloudfront_distribution.catalogue.hosted_zone_id
    evaluate_target_health = false
  }
}
