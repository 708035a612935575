variable "name" {
  description = "The platform's environment: ecommerce-{env}."
  type        = string
}

variable "region" {
  description = "Whose alarm it is."
  type        = string
}

variable "account_id" {
  description = "The account, 12 digits."
  type        = string
}

variable "told" {
  description = "The regions that are told; one at least."
  type        = list(string)
}

variable "region_alarm" {
  description = "The name that the alarm of a region as a whole has in every region."
  type        = string
}
