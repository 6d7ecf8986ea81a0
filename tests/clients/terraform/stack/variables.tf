variable "endpoint" {
  type = string
}

variable "region" {
  type    = string
  default = "us-east-1"
}

# The rest is what an update changes in place.
variable "max_vcpus" {
  type    = number
  default = 16
}

variable "priority" {
  type    = number
  default = 10
}

variable "image_tag" {
  type    = string
  default = "1.0"
}

variable "retention_in_days" {
  type    = number
  default = 30
}

variable "stage" {
  type    = string
  default = "test"
}

variable "ssh_from" {
  type    = list(string)
  default = ["10.0.0.0/8"]
}
