"""CodePipeline V2: pipelines whose executions really run."""
