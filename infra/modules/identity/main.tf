# The user pool of a continent, in its journal region. Its tokens are good everywhere: every region knows its keys.

resource "aws_cognito_user_pool" "continent" {
  name                     = "${var.name}-${var.continent}"
  user_pool_tier           = "ESSENTIALS"
  deletion_protection      = var.protected ? "ACTIVE" : "INACTIVE"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  mfa_configuration        = "OPTIONAL"

  software_token_mfa_configuration {
    enabled = true
  }

  password_policy {
    minimum_length                   = 12
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = true
    password_history_size            = 5
    temporary_password_validity_days = 3
  }

  lambda_config {
    post_confirmation = var.on_confirmed.arn
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }
}

# Only whoever confirms is a customer: the users service is told after that, and never of a sign-up that nobody confirms.
resource "aws_lambda_permission" "confirmed" {
  statement_id  = "UserPool"
  action        = "lambda:InvokeFunction"
  function_name = var.on_confirmed.function
  qualifier     = var.on_confirmed.alias
  principal     = "cognito-idp.amazonaws.com"
  source_arn    = aws_cognito_user_pool.continent.arn
}

# Customers are in none of them.
resource "aws_cognito_user_group" "staff" {
  for_each = {
    admin     = "Administrators: may do what any staff may"
    warehouse = "Pickers"
    delivery  = "Couriers"
  }

  name         = each.key
  description  = each.value
  user_pool_id = aws_cognito_user_pool.continent.id
}

resource "aws_cognito_user_pool_client" "shop" {
  name         = "shop"
  user_pool_id = aws_cognito_user_pool.continent.id

  # A browser keeps no secret.
  generate_secret               = false
  explicit_auth_flows           = concat(["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], var.takes_passwords ? ["ALLOW_USER_PASSWORD_AUTH"] : [])
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true

  access_token_validity  = 1
  id_token_validity      = 1
  refresh_token_validity = 30
  token_validity_units {
    access_token  = "hours"
    id_token      = "hours"
    refresh_token = "days"
  }
}
