variable "region" {
  description = "The region that answers."
  type        = string
}

variable "zone_id" {
  description = "The domain's zone."
  type        = string
}

variable "at" {
  description = "What each world-wide name stands for here, and the region's own name for it, which is what is checked."
  type        = map(object({ name = string, zone_id = string, checked = string }))
}

variable "evacuated" {
  description = "Whether nobody is sent here."
  type        = bool
}
