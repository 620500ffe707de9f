# A time course from Parquet in R, through pyarrow (package reticulate): the numbers of the CSV, and their units.
#   RETICULATE_PYTHON=... Rscript parquet_in_r.R course.parquet course.csv
arguments <- commandArgs(trailingOnly = TRUE)
table <- reticulate::import("pyarrow.parquet", convert = FALSE)$read_table(arguments[1])
text <- read.csv(arguments[2])
columns <- reticulate::py_to_r(table$column_names)
stopifnot(identical(columns, names(text)))
for (column in columns) {
  values <- unlist(reticulate::py_to_r(table$column(column)$to_pylist()))
  stopifnot(length(values) == nrow(text), all(abs(values - text[[column]]) <= 1e-12 * abs(text[[column]])))
}
unit <- function(column) {
  metadata <- reticulate::import_builtins(convert = FALSE)$dict(table$schema$field(column)$metadata)
  reticulate::py_to_r(metadata$get(reticulate::import_builtins(convert = FALSE)$bytes("unit", "utf-8"))$decode())
}
stopifnot(unit("burden") == "mm^3", unit("pO2_mmHg") == "mmHg")
cat(sprintf("R opens Parquet: %d samples, %d columns, burden in %s\n", nrow(text), length(columns), unit("burden")))
