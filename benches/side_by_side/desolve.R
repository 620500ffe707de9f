# deSolve on the listed model, compiled, with the exact Jacobian and tolerances per state as in hif-switch.
# Usage: Rscript desolve.R FOLDER METHOD RTOL PATIENTS; writes FOLDER/desolve.bin and prints ms per patient.
library(deSolve)
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]; method <- arguments[2]; rtol <- as.numeric(arguments[3]); wanted <- as.integer(arguments[4])
dyn.load(file.path(folder, "desolve.so"))
input <- file(file.path(folder, "patients.bin"), "rb")
head <- readBin(input, "double", 4)
n <- head[2]; constants <- head[3]; stretches <- head[4]
patients <- lapply(seq_len(wanted), function(i) list(
  constants = readBin(input, "double", 2 * constants),
  start = readBin(input, "double", n),
  weights = readBin(input, "double", n),
  stretches = matrix(readBin(input, "double", 5 * stretches), nrow = 5)))
close(input)
best <- Inf
for (repeat_ in 1:3) {
  output <- file(file.path(folder, "desolve.bin"), "wb")
  spent <- 0
  for (p in patients) {
    .C("set_patient", p$constants, as.double(p$stretches), as.integer(stretches))
    times <- c(p$stretches[1, ], p$stretches[2, stretches])
    start <- p$start
    start[1] <- start[1] + p$stretches[4, 1]
    begin <- proc.time()
    solution <- ode(start, times, func = "derivs", jacfunc = "jac", jactype = "fullusr", dllname = "desolve",
      parms = NULL, method = method, rtol = rtol, atol = rtol * p$weights, maxsteps = 100000,
      events = list(func = "event", time = p$stretches[1, -1]))
    spent <- spent + sum((proc.time() - begin)[1:2])
    writeBin(as.double(rbind(times, t(solution[, -1]))), output)
  }
  close(output)
  best <- min(best, spent / wanted)
}
cat(sprintf("%.5f\n", 1e3 * best))
