terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # Bucket, key and region come by -backend-config; the bucket lies outside of every region that this builds.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
