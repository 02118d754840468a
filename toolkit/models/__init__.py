"""Networks: one published system per file, in one package per task."""
