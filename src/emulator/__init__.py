import os

# moto reads it when it is imported: its answers must not let the pages of other sites read them.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
