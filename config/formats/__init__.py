"""How the panel writes dates and times: Django takes a language's own habits unless a module says otherwise."""
