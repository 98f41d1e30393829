"""Training jobs, run by the real SageMaker training toolkit."""
