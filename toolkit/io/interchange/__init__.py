"""Data dirs from and to the formats of other toolkits; only the standard library reads and writes them."""
