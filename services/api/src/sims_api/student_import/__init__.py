"""The import of students."""
