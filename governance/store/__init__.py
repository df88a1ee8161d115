"""State over one SQL URL: tables, migrations and one file per port."""
