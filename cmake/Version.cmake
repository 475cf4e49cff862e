set(graphc_version 1.0.0)
