"""What went wrong in a transformation, in the words of the person who has to mend it."""

from rapport.errors import RapportError


class TransformError(RapportError):
    """A model, seed or data test did not come out as it must; nothing later was built on it."""
