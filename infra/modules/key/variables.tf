variable "name" {
  description = "Names the platform's environment: ecommerce-{env}."
  type        = string
}

variable "account_id" {
  description = "The account, 12 digits."
  type        = string
}

variable "region" {
  description = "The region that the key is for."
  type        = string
}
