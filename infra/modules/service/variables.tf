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

variable "account_id" {
  description = "The account, 12 digits."
  type        = string
}

variable "key_arn" {
  description = "The key of the region."
  type        = string
}

variable "package" {
  description = "The zip with the service's bootstrap, in a bucket of the same region."
  type        = object({ bucket = string, key = string })
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "memory_mb" {
  description = "Memory; the processor's share grows with it."
  type        = number
}

variable "timeout_s" {
  description = "One invocation at most, seconds. Longer than a handler of an event may take, which is 8."
  type        = number
}

variable "concurrency" {
  description = "Invocations at the same time, at most and guaranteed."
  type        = number
}

variable "live" {
  description = "What the alias points at: a version (the newest where null), and one that gets a share of the calls."
  type = object({
    version    = optional(string)
    next       = optional(string)
    next_share = optional(number, 0)
  })
  validation {
    condition     = var.live.next_share >= 0 && var.live.next_share <= 1
    error_message = "live.next_share is a share: 0 to 1."
  }
  validation {
    condition     = var.live.next == null || var.live.version != null
    error_message = "live.next needs live.version: otherwise the newest version would be next to itself."
  }
}

variable "tables" {
  description = "The tables that it reads and writes, by what follows in their names: {service}[-{table}]."
  type        = list(string)
}

variable "scans" {
  description = "Those of them that it reads as a whole."
  type        = list(string)
}

variable "publishes" {
  description = "In whose names it publishes events: its own, and those of the services that it hosts."
  type        = list(string)
}

variable "bus_arn" {
  description = "The bus of the region."
  type        = string
}

variable "consumes" {
  description = "Whether it consumes a queue."
  type        = bool
}

variable "queue_arn" {
  description = "Its queue, where it consumes one."
  type        = string
  default     = null
}

variable "works" {
  description = "Whether it does something by itself."
  type        = bool
}

variable "calls" {
  description = "The calls that it signs, as {service}/{METHOD}/{path}."
  type        = list(string)
}

variable "config_parameter" {
  description = "The parameter with the configuration of the region's services, without keys."
  type        = string
}

variable "keys_secret" {
  description = "The secret with the service's keys."
  type        = string
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
}

variable "extension" {
  description = "FIS's extension, where experiments run: its layer, and the bucket and folder in which it hears of faults."
  type        = object({ layer = string, bucket_arn = string, folder = string })
  default     = null
}
