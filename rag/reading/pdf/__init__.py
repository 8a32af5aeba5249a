"""PDF: pages -> words -> lines -> columns -> blocks."""
