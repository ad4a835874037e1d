"""How data files become tables: one file per format, and `source` for what lies behind a name, a folder or an object.

Readers know nothing of models, columns or labels. They return every row of the source, or raise `DataError` with the
row or line that cannot be read, or list the row among the skipped ones with the reason.
"""
