# The emulator takes no description of an API: the same one is put piece by piece.
resource "terraform_data" "described" {
  input = aws_api_gateway_rest_api.service.id

  provisioner "local-exec" {
    command = "$EMULATED describe"
    environment = {
      API         = self.input
      REGION      = var.region
      DESCRIPTION = jsonencode(local.description)
    }
  }
}
