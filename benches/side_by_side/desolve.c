/* The listed model for deSolve: compiled rates, exact Jacobian, events that give doses and switch the
 * constants. */
#include "model.c"
#include <string.h>

static double both[2 * CONSTANTS];
static double events[100000 * 5];
static int count, next_event;
static const double *constants = both;

void set_patient(double *values, double *stretches, int *n) {
  memcpy(both, values, sizeof both);
  memcpy(events, stretches, sizeof(double) * 5 * *n);
  count = *n;
  /* The first stretch begins with the run. */
  next_event = 1;
  constants = events[2] > 0.5 ? both + CONSTANTS : both;
}

void derivs(int *n, double *t, double *y, double *ydot, double *yout, int *ip) {
  (void)n, (void)t, (void)yout, (void)ip;
  rates(constants, y, ydot);
}

void jac(int *n, double *t, double *y, int *ml, int *mu, double *pd, int *nrow, double *yout, int *ip) {
  (void)n, (void)t, (void)ml, (void)mu, (void)nrow, (void)yout, (void)ip;
  memset(pd, 0, sizeof(double) * STATES * STATES);
  jacobian(constants, y, pd);
}

void event(int *n, double *t, double *y) {
  (void)n;
  while (next_event < count && events[5 * next_event] <= *t + 1e-9) {
    const double *e = events + 5 * next_event++;
    constants = e[2] > 0.5 ? both + CONSTANTS : both;
    y[0] += e[3];
  }
}
