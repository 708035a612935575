# An id that is known beforehand, as the API's address is made of it: nothing on this machine resolves the shop's names.
resource "aws_api_gateway_rest_api" "service" {
  body = null
  tags = { "ms-custom-id" = "${var.service}-${var.region}" }
}

resource "aws_api_gateway_deployment" "service" {
  rest_api_id = terraform_data.described.output
}

# The emulator makes one and does not find it again.
resource "aws_api_gateway_base_path_mapping" "at" {
  for_each = {}
}
