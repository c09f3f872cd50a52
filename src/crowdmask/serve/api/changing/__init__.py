"""Resources that change a site while it runs, for admins."""
