"""CodeBuild: projects, builds that really run, and their test reports."""
