"""The warehouse itself: roles, schemas, migrations, and what `rapport deploy` makes."""
