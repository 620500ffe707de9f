# Figure of a time course, read from CSV; units stand in the JSON file beside it.
#   hif-switch simulate --setting xenograft --arm sorafenib+pt2385 --csv course.csv
#   Rscript examples/r/time_course.R course.csv course.pdf
# Needs the package jsonlite. (Parquet opens in R with arrow::read_parquet or nanoparquet::read_parquet.)
arguments <- commandArgs(trailingOnly = TRUE)
source_file <- arguments[1]
target_file <- arguments[2]

course <- read.csv(source_file)
metadata <- jsonlite::fromJSON(paste0(source_file, "-metadata.json"))$tableSchema$columns
units <- setNames(metadata[["schema:unitText"]], metadata$name)
stopifnot(identical(names(course), metadata$name))

pdf(target_file, width = 9, height = 6)
par(mfrow = c(2, 2), mar = c(4, 4, 1, 1))
for (column in c("pO2_mmHg", "HIF1A", "HIF2A", "burden")) {
  label <- if (units[[column]] == "1") column else paste0(column, ", ", units[[column]])
  plot(course$time_h / 24, course[[column]], type = "l", xlab = "time, d", ylab = label)
}
invisible(dev.off())
cat(sprintf("%d samples, %d columns; burden at the end: %.1f %s\n",
            nrow(course), ncol(course), tail(course$burden, 1), units[["burden"]]))
