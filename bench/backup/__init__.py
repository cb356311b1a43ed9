"""The backup engine beside the runbook's commands."""
