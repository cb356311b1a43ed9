"""The work of the verbs: backup, load, restore, drill, sync, prune."""
