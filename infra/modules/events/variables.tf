variable "name" {
  description = "The bus: ecommerce-{env}."
  type        = string
}

variable "subscriptions" {
  description = "Who listens to what."
  type = list(object({
    consumer = string
    events = list(object({
      source = string
      kinds  = list(string)
      only   = optional(object({ path = list(string), values = list(string) }))
    }))
  }))
}

variable "archive_days" {
  description = "How long events can be replayed."
  type        = number
}

variable "visibility_s" {
  description = "How long a received event is hidden, seconds: six times what its handler may take, as Lambda wants it."
  type        = number
}

variable "tries" {
  description = "An event that was received so often is parked."
  type        = number
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}
