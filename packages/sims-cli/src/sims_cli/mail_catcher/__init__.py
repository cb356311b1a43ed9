"""A local relay that keeps every mail as a file and shows it; nothing leaves the machine."""
