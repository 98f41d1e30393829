"""The source provider: git repositories over HTTP, CodeCommit, and connections to git hosts."""
