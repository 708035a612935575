variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "service" {
  description = "The service."
  type        = string
}

variable "region" {
  description = "Where it runs."
  type        = string
}

variable "invoke_arn" {
  description = "How API Gateway invokes the service's alias."
  type        = string
}

variable "function" {
  description = "The service's function."
  type        = string
}

variable "alias" {
  description = "The alias of it that is called."
  type        = string
}

variable "open_paths" {
  description = "Paths below /backend whose callers prove to the service itself who they are."
  type        = list(string)
}

variable "open_limit_ms" {
  description = "A customer's answer, milliseconds at most."
  type        = number
  default     = 1000
}

variable "signed_limit_ms" {
  description = "A service's answer to another, milliseconds at most. Callers' own limits are shorter."
  type        = number
  default     = 8000
}

variable "requests_per_s" {
  description = "Requests a second in the long run; more are refused with 429."
  type        = number
}

variable "requests_burst" {
  description = "Requests at once."
  type        = number
}

variable "domain" {
  description = "The platform's domain."
  type        = string
}

variable "zone_id" {
  description = "The domain's zone."
  type        = string
}

variable "certificate_arn" {
  description = "The region's certificate: *.{region}.{domain} and *.{domain}."
  type        = string
}

variable "world_names" {
  description = "Names that every region answers to, such as api.{domain}."
  type        = list(string)
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
}
