/* CVODE (SUNDIALS) on the listed model: BDF, dense linear solver, the exact Jacobian, tolerances per state as
 * in hif-switch, restart at every event with the step of the event before as first step.
 * Usage: cvode FOLDER RTOL PATIENTS; writes FOLDER/cvode.bin and prints ms per patient. */
#include "model.c"
#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunmatrix/sunmatrix_dense.h>
#include <time.h>

static const double *constants;

static int f(realtype t, N_Vector y, N_Vector ydot, void *data) {
  (void)t, (void)data;
  rates(constants, N_VGetArrayPointer(y), N_VGetArrayPointer(ydot));
  return 0;
}

static int jac(realtype t, N_Vector y, N_Vector fy, SUNMatrix j, void *data, N_Vector a, N_Vector b, N_Vector c) {
  (void)t, (void)fy, (void)data, (void)a, (void)b, (void)c;
  jacobian(constants, N_VGetArrayPointer(y), SUNDenseMatrix_Data(j));
  return 0;
}

static double processor_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void check(int flag, const char *what) {
  if (flag < 0) {
    fprintf(stderr, "cvode: %s failed with %d\n", what, flag);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  char path[4096];
  snprintf(path, sizeof path, "%s/patients.bin", argv[1]);
  FILE *in = fopen(path, "rb");
  double head[4];
  if (!in || fread(head, 8, 4, in) != 4) return 1;
  const int stretches = (int)head[3], wanted = atoi(argv[3]);
  const double rtol = atof(argv[2]);
  const size_t size = 2 * CONSTANTS + 2 * STATES + 5 * (size_t)stretches;
  double *data = malloc(8 * size * wanted);
  if (fread(data, 8, size * wanted, in) != size * wanted) return 1;
  snprintf(path, sizeof path, "%s/cvode.bin", argv[1]);

  double best = 1e300;
  for (int repeat = 0; repeat < 3; repeat++) {
    FILE *out = fopen(path, "wb");
    const double start = processor_time();
    for (int p = 0; p < wanted; p++) {
      const double *closed = data + size * p, *open = closed + CONSTANTS, *y0 = open + CONSTANTS;
      const double *weights = y0 + STATES, *stretch = weights + STATES;
      SUNContext context;
      SUNContext_Create(NULL, &context);
      N_Vector y = N_VNew_Serial(STATES, context), atol = N_VNew_Serial(STATES, context);
      double *state = N_VGetArrayPointer(y);
      memcpy(state, y0, 8 * STATES);
      for (int i = 0; i < STATES; i++) N_VGetArrayPointer(atol)[i] = rtol * weights[i];
      void *cvode = CVodeCreate(CV_BDF, context);
      SUNMatrix matrix = SUNDenseMatrix(STATES, STATES, context);
      SUNLinearSolver solver = SUNLinSol_Dense(y, matrix, context);
      check(CVodeInit(cvode, f, 0.0, y), "init");
      check(CVodeSVtolerances(cvode, rtol, atol), "tolerances");
      check(CVodeSetLinearSolver(cvode, solver, matrix), "solver");
      check(CVodeSetJacFn(cvode, jac), "jacobian");
      check(CVodeSetMaxNumSteps(cvode, 100000), "steps");
      double first = 0.0;
      for (int s = 0; s < stretches; s++, stretch += 5) {
        constants = stretch[2] > 0.5 ? open : closed;
        state[0] += stretch[3];
        check(CVodeReInit(cvode, stretch[0], y), "restart");
        if (first > 0.0) CVodeSetInitStep(cvode, first);
        CVodeSetStopTime(cvode, stretch[1]);
        realtype t;
        check(CVode(cvode, stretch[1], y, &t, CV_NORMAL), "integration");
        CVodeGetActualInitStep(cvode, &first);
        if (stretch[4] > 0.5) fwrite(state, 8, STATES, out);
      }
      CVodeFree(&cvode);
      SUNLinSolFree(solver);
      SUNMatDestroy(matrix);
      N_VDestroy(y);
      N_VDestroy(atol);
      SUNContext_Free(&context);
    }
    const double spent = (processor_time() - start) / wanted;
    if (spent < best) best = spent;
    fclose(out);
  }
  printf("%.5f\n", 1e3 * best);
  return 0;
}
