# What no request gets past. Signed calls between services are left to IAM: they are large, and many come from one address.

locals {
  # AWS's own lists, in the order in which they are asked.
  managed = ["AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"]
}

resource "aws_wafv2_ip_set" "unlimited" {
  count = length(var.unlimited) > 0 ? 1 : 0

  name               = "${var.name}-unlimited"
  description        = "Where drills come from"
  scope              = var.scope
  ip_address_version = "IPV4"
  addresses          = var.unlimited
}

resource "aws_wafv2_web_acl" "door" {
  name        = "${var.name}-${lower(var.scope)}"
  description = "In front of the public doors"
  scope       = var.scope

  default_action {
    allow {}
  }

  dynamic "rule" {
    for_each = local.managed
    content {
      name     = rule.value
      priority = rule.key

      override_action {
        none {}
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.value

          # An order of thirty lines is longer than the 8 KB that the common rules allow; the services have a limit of their own.
          dynamic "rule_action_override" {
            for_each = rule.value == "AWSManagedRulesCommonRuleSet" ? ["SizeRestrictions_BODY"] : []
            content {
              name = rule_action_override.value
              action_to_use {
                count {}
              }
            }
          }

          scope_down_statement {
            not_statement {
              statement {
                byte_match_statement {
                  search_string         = "/backend/"
                  positional_constraint = "STARTS_WITH"
                  field_to_match {
                    uri_path {}
                  }
                  text_transformation {
                    priority = 0
                    type     = "NONE"
                  }
                }
              }
            }
          }
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = rule.value
        sampled_requests_enabled   = true
      }
    }
  }

  # After AWS's lists and before the limit, which it spares them.
  dynamic "rule" {
    for_each = aws_wafv2_ip_set.unlimited
    content {
      name     = "Unlimited"
      priority = length(local.managed)

      action {
        allow {}
      }

      statement {
        ip_set_reference_statement {
          arn = rule.value.arn
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "Unlimited"
        sampled_requests_enabled   = true
      }
    }
  }

  rule {
    name     = "OneAddress"
    priority = length(local.managed) + 1

    action {
      block {
        custom_response {
          response_code = 429
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.requests_per_5_min
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"

        scope_down_statement {
          not_statement {
            statement {
              byte_match_statement {
                search_string         = "/backend/"
                positional_constraint = "STARTS_WITH"
                field_to_match {
                  uri_path {}
                }
                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "OneAddress"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-${lower(var.scope)}"
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "door" {
  for_each = var.guarded

  web_acl_arn  = aws_wafv2_web_acl.door.arn
  resource_arn = each.value
}

resource "aws_wafv2_web_acl_logging_configuration" "door" {
  resource_arn            = aws_wafv2_web_acl.door.arn
  log_destination_configs = [aws_cloudwatch_log_group.blocked.arn]

  # Who is let through stands in the access logs.
  logging_filter {
    default_behavior = "DROP"
    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"
      condition {
        action_condition {
          action = "BLOCK"
        }
      }
      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}

resource "aws_cloudwatch_log_group" "blocked" {
  #checkov:skip=CKV_AWS_338: as for the services' logs
  name              = "aws-waf-logs-${var.name}-${lower(var.scope)}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}
