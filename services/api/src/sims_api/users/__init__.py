"""Administration of logins and roles."""
