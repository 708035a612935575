locals {
  tags = {
    platform    = "bigsmokes"
    environment = var.env
    managed-by  = "terraform"
  }
}
