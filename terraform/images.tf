# AWS Deep Learning Containers, pinned. The registry's account differs in some regions
# (https://github.com/aws/deep-learning-containers/blob/master/available_images.md).
locals {
  image_registry_accounts = {
    af-south-1     = "626614931356"
    ap-east-1      = "871362719292"
    ap-east-2      = "975050140332"
    ap-northeast-3 = "364406365360"
    ap-south-2     = "772153158452"
    ap-southeast-3 = "907027046896"
    ap-southeast-4 = "457447274322"
    ap-southeast-5 = "550225433462"
    ap-southeast-6 = "633930458069"
    ap-southeast-7 = "590183813437"
    ca-west-1      = "204538143572"
    cn-north-1     = "727897471807"
    cn-northwest-1 = "727897471807"
    eu-central-2   = "380420809688"
    eu-south-1     = "692866216735"
    eu-south-2     = "503227376785"
    il-central-1   = "780543022126"
    me-central-1   = "914824155844"
    me-south-1     = "217643126080"
    mx-central-1   = "637423239942"
    us-gov-east-1  = "446045086412"
    us-gov-west-1  = "442386744353"
  }
  image_registry = join(".", [
    lookup(local.image_registry_accounts, local.region, "763104351884"), "dkr.ecr", local.region, data.aws_partition.current.dns_suffix
  ])

  # The Hugging Face training image exists for GPU only; on CPU src/requirements.txt adds transformers to PyTorch.
  training_image_uri   = coalesce(var.training_image_uri, "${local.image_registry}/pytorch-training:2.10.0-cpu-py313-ubuntu22.04-sagemaker")
  processing_image_uri = coalesce(var.processing_image_uri, local.training_image_uri)
  # AWS lists no Hugging Face image in ap-east-2, ap-southeast-5, -6, -7 and mx-central-1: set inference_image_uri there.
  inference_image_uri = coalesce(var.inference_image_uri, "${local.image_registry}/huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04")
}
