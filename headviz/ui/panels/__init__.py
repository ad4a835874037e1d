"""Parts of pages: each draws one thing that a visitor would name, from results it is given."""
