provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  skip_credentials_validation = var.offline
  skip_requesting_account_id  = var.offline
  skip_metadata_api_check     = var.offline

  default_tags {
    tags = merge(local.tags, { region = "us-east-1" })
  }
}

module "us_east_1" {
  source    = "./modules/region"
  providers = { aws = aws.us_east_1 }

  region = "us-east-1"
  shared = local.shared
  pools  = local.pools
  config = local.config

  # The first replicas lie here.
  global_tables = {}
}
