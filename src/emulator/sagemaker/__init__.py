"""SageMaker: jobs, hosting and the Model Registry, put together as one service."""
