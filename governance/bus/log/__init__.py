"""An append-only log in files: one folder per partition, shared by the processes of a machine."""
