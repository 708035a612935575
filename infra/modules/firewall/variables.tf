variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "scope" {
  description = "REGIONAL, or CLOUDFRONT (in us-east-1 only)."
  type        = string
}

variable "guarded" {
  description = "What it stands in front of, by name. CloudFront names its ACL itself."
  type        = map(string)
}

variable "requests_per_5_min" {
  description = "Requests of one address within five minutes; more are refused with 429."
  type        = number
}

variable "unlimited" {
  description = "Address ranges that may send as much as they like (CIDR, IPv4): those of drills."
  type        = list(string)
  default     = []
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
}
