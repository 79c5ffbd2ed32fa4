"""What every HTTP server of Leadloop shares: keys, problems, bounded bodies, and the server itself."""
