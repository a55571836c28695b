"""The terminal: a REPL (`palaver chat`) and one question at a time (`palaver ask`)."""
