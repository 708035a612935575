provider "aws" {
  alias  = "eu_west_1"
  region = "eu-west-1"

  skip_credentials_validation = var.offline
  skip_requesting_account_id  = var.offline
  skip_metadata_api_check     = var.offline

  default_tags {
    tags = merge(local.tags, { region = "eu-west-1" })
  }
}

module "eu_west_1" {
  source    = "./modules/region"
  providers = { aws = aws.eu_west_1 }

  region = "eu-west-1"
  shared = local.shared
  pools  = local.pools
  config = local.config

  global_tables = module.global_tables.arns
}
