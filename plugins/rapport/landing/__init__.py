"""Landing: one batch per source, every version kept, every row accounted for."""
