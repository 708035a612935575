variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "domain" {
  description = "The platform's domain."
  type        = string
}

variable "zone_id" {
  description = "The domain's zone."
  type        = string
}

variable "fallback_region" {
  description = "The region that is asked where the nearest one does not answer."
  type        = string
}

variable "certificate_arn" {
  description = "A certificate of us-east-1 for *.{domain}."
  type        = string
}

variable "web_acl_arn" {
  description = "The web ACL, of scope CLOUDFRONT."
  type        = string
}
