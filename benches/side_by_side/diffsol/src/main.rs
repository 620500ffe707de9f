//! diffsol on the listed model: BDF with the exact Jacobian or explicit Tsitouras 4(5), compiled rates, tolerances
//! per state as in hif-switch, a new solver at every event with the step of the one before.
//! Usage: diffsol-side-by-side FOLDER METHOD RTOL PATIENTS; writes FOLDER/diffsol.bin and prints ms per patient.

use diffsol::{
    NalgebraLU, NalgebraMat, OdeBuilder, OdeSolverMethod, OdeSolverState, OdeSolverStopReason, Vector,
};
use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

type M = NalgebraMat<f64>;
type LS = NalgebraLU<f64>;

unsafe extern "C" {
    fn rates(c: *const f64, y: *const f64, f: *mut f64);
    fn jacobian(c: *const f64, y: *const f64, j: *mut f64);
}

fn f(c: &[f64], y: &[f64], out: &mut [f64]) {
    // SAFETY: the listing reads as many constants and states as patients.bin has and writes as many rates.
    unsafe { rates(c.as_ptr(), y.as_ptr(), out.as_mut_ptr()) }
}

/// The Jacobian at the last state asked for: diffsol asks for its columns one by one.
#[derive(Default)]
struct Last {
    y: Vec<f64>,
    matrix: Vec<f64>,
}

impl Last {
    fn times(&mut self, c: &[f64], y: &[f64], v: &[f64], out: &mut [f64]) {
        let n = y.len();
        if self.y != y {
            self.y = y.to_vec();
            self.matrix.clear();
            self.matrix.resize(n * n, 0.0);
            // SAFETY: as above; the matrix is dense.
            unsafe { jacobian(c.as_ptr(), y.as_ptr(), self.matrix.as_mut_ptr()) }
        }
        out.fill(0.0);
        for (j, v) in v.iter().enumerate().filter(|(_, v)| **v != 0.0) {
            for (to, a) in out.iter_mut().zip(&self.matrix[j * n..(j + 1) * n]) {
                *to += a * v;
            }
        }
    }
}

struct Patient<'a> {
    constants: [&'a [f64]; 2],
    start: &'a [f64],
    weights: &'a [f64],
    stretches: &'a [f64],
}

macro_rules! run {
    ($patient:expr, $rtol:expr, $out:expr, $state:ident, $solver:ident) => {{
        let patient: &Patient = $patient;
        let problems: Vec<_> = patient
            .constants
            .iter()
            .map(|constants| {
                let (c, d, start) = (constants.to_vec(), constants.to_vec(), patient.start.to_vec());
                let last = Rc::new(RefCell::new(Last::default()));
                let atol: Vec<f64> = patient.weights.iter().map(|w| w * $rtol).collect();
                OdeBuilder::<M>::new()
                    .rtol($rtol)
                    .atol(atol)
                    .rhs_implicit(
                        move |y: &[f64], _: &[f64], _, out: &mut [f64]| f(&c, y, out),
                        move |y: &[f64], _: &[f64], _, v: &[f64], out: &mut [f64]| {
                            last.borrow_mut().times(&d, y, v, out);
                        },
                    )
                    .init(
                        move |_: &[f64], _, y: &mut [f64]| y.copy_from_slice(&start),
                        patient.start.len(),
                    )
                    .build()
                    .expect("a problem")
            })
            .collect();
        let mut y = patient.start.to_vec();
        let mut slope = y.clone();
        let mut step = None;
        for stretch in patient.stretches.chunks(5) {
            let [begin, end, open, dose, sample] = stretch else { continue };
            y[0] += dose;
            let phase = usize::from(*open > 0.5);
            let problem = &problems[phase];
            let mut state = problem.$state::<LS>().expect("a state");
            {
                let s = state.as_mut();
                f(patient.constants[phase], &y, &mut slope);
                for i in 0..y.len() {
                    s.y.set_index(i, y[i]);
                    s.dy.set_index(i, slope[i]);
                }
                *s.t = *begin;
                if let Some(step) = step {
                    *s.h = step;
                }
            }
            let mut solver = problem.$solver::<LS>(state).expect("a solver");
            // Anything derived from the state is made anew.
            let _ = solver.state_mut();
            solver.set_stop_time(*end).expect("a stop time");
            let mut first = None;
            while !matches!(
                solver.step().expect("a step"),
                OdeSolverStopReason::TstopReached
            ) {
                first = first.or(Some(solver.state().t - begin));
            }
            step = first.or(step);
            y = solver.state().y.clone_as_vec();
            if *sample > 0.5 {
                $out.extend_from_slice(&y);
            }
        }
    }};
}

fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("processor time");
    let first = text.split_whitespace().next().expect("a number");
    first.parse::<f64>().expect("a number") * 1e-9
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, method, rtol, wanted] = &arguments[..] else {
        panic!("usage: diffsol-side-by-side FOLDER METHOD RTOL PATIENTS");
    };
    let rtol: f64 = rtol.parse().expect("a tolerance");
    let wanted: usize = wanted.parse().expect("a number of patients");
    let bytes = std::fs::read(format!("{folder}/patients.bin")).expect("patients.bin");
    let numbers: Vec<f64> = bytes
        .chunks_exact(8)
        .map(|b| f64::from_le_bytes(b.try_into().expect("eight bytes")))
        .collect();
    let [n, constants, stretches] = [1, 2, 3].map(|i| numbers[i] as usize);
    let size = 2 * constants + 2 * n + 5 * stretches;
    let mut best = f64::INFINITY;
    let mut out = Vec::new();
    for _ in 0..3 {
        out.clear();
        let begin = processor_time();
        for numbers in numbers[4..].chunks_exact(size).take(wanted) {
            let (closed, rest) = numbers.split_at(constants);
            let (open, rest) = rest.split_at(constants);
            let (start, rest) = rest.split_at(n);
            let (weights, stretches) = rest.split_at(n);
            let patient = Patient {
                constants: [closed, open],
                start,
                weights,
                stretches,
            };
            match method.as_str() {
                "bdf" => run!(&patient, rtol, out, bdf_state, bdf_solver),
                other => panic!("no method {other}"),
            }
        }
        best = best.min((processor_time() - begin) / wanted as f64);
    }
    let bytes: Vec<u8> = out.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut file = std::fs::File::create(format!("{folder}/diffsol.bin")).expect("diffsol.bin");
    file.write_all(&bytes).expect("diffsol.bin");
    println!("{:.5}", 1e3 * best);
}
