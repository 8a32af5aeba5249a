"""Tables of a page: the lines drawn on it -> grids -> cells -> rows with their heads."""
