provider "aws" {
  alias  = "ap_southeast_1"
  region = "ap-southeast-1"

  skip_credentials_validation = var.offline
  skip_requesting_account_id  = var.offline
  skip_metadata_api_check     = var.offline

  default_tags {
    tags = merge(local.tags, { region = "ap-southeast-1" })
  }
}

module "ap_southeast_1" {
  source    = "./modules/region"
  providers = { aws = aws.ap_southeast_1 }

  region = "ap-southeast-1"
  shared = local.shared
  pools  = local.pools
  config = local.config

  global_tables = module.global_tables.arns
}
