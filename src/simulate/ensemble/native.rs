//! The steps of both methods as machine code.
//!
//! A [`System`] is compiled once more: its lists of instructions become straight-line code for eight lanes in the
//! registers of AVX-512, values in between stay in registers as far as there are enough, and the linear
//! combinations of the methods are written out around them. Every operation is the one that
//! [`super::lanes`], [`super::collocation`] and [`super::rodas`] do, in the same order within each
//! result, so that a step gives the same bits (tested).

use super::assemble::{Assembler, Comparison, FREE, ONE, OUTSIDE, Operand, Vector, code, constant};
use super::collocation::{self, Pair};
use super::executable::Executable;
pub(super) use super::executable::WIDTH;
use super::lanes::Lanes;
use super::linear::TERMS;
use super::program::{COEFFICIENTS, Instruction, Operation, Row, STAGES, Scheme, System};
use super::radau::{self, NODES};
use super::rodas;
use super::symbol::SMALLEST_DIVISOR;
use Operand::Register as R;
use std::collections::HashMap;
use std::ops::Range;

/// A step of a method in machine code.
pub(super) struct Native {
    executable: Executable,
    /// Where the step begins for all lanes, and for the first four.
    step: [usize; 2],
    /// Where what computes the interpolant after it begins.
    dense: [usize; 2],
}

/// Lanes that narrow code computes.
pub(super) const NARROW: usize = 4;

impl Native {
    /// Compiles a method for a system; `None` where the machine lacks the instructions.
    pub fn new(system: &System, scheme: Scheme) -> Option<Self> {
        if !super::executable::supported() {
            return None;
        }
        let layout = &system.layout;
        // Displacements of -128 to 127 rows are short.
        let bias = (layout.hot + 128).min(layout.rows);
        let mut writer = Writer {
            to: Assembler::new(bias),
            system,
        };
        let (mut step, mut dense) = ([0; 2], [0; 2]);
        for narrow in [false, true] {
            writer.to.narrow = narrow;
            let rates = writer.to.place();
            let relative = layout.rates..layout.rates + writer.wide();
            writer.program(&system.rates, &relative);
            writer.to.leave();
            let newton = writer.to.place();
            if scheme == Scheme::Collocation {
                writer.program(&system.newton, &relative);
                writer.to.leave();
            }
            let correction = writer.to.place();
            if scheme == Scheme::Collocation {
                let relative = layout.pair..layout.pair + Pair::of(system, 0).rows;
                writer.program(&system.correction, &relative);
                writer.to.leave();
            }
            step[usize::from(narrow)] = writer.to.place();
            writer.to.prologue();
            if scheme == Scheme::Collocation {
                writer.keep_watched_end();
            }
            writer.advance();
            match scheme {
                Scheme::Collocation => writer.sweep([rates, newton, correction]),
                Scheme::OneStep => writer.one_step(rates),
            }
            writer.to.epilogue();
            dense[usize::from(narrow)] = writer.to.place();
            writer.to.prologue();
            match scheme {
                Scheme::Collocation => writer.collocation_interpolant(),
                Scheme::OneStep => writer.one_step_interpolant(),
            }
            writer.to.epilogue();
        }
        let (code, constants) = writer.to.finish()?;
        Some(Self {
            executable: Executable::new(&code, &constants, layout.rows, bias)?,
            step,
            dense,
        })
    }

    /// One step of all lanes or of the first [`NARROW`], with its interpolant if asked for.
    pub fn step<const W: usize>(&self, rows: &mut [Lanes<W>], dense: bool, narrow: bool) {
        self.executable.run(self.step[usize::from(narrow)], rows);
        if dense {
            self.executable.run(self.dense[usize::from(narrow)], rows);
        }
    }
}

struct Writer<'a> {
    to: Assembler,
    system: &'a System,
}

/// A value while a program is compiled.
struct Value {
    /// Its row.
    home: Operand,
    /// Instructions that read it, last first.
    uses: Vec<usize>,
    /// Register that holds it.
    register: Option<Vector>,
    /// Whether its row holds it.
    stored: bool,
}

/// Where the values of a program are.
struct Allocation {
    values: Vec<Value>,
    /// Value in each register, and whether it must stay there for now.
    registers: [Option<usize>; FREE as usize],
    pinned: [bool; FREE as usize],
}

impl Allocation {
    fn next_use(&self, value: usize) -> usize {
        self.values[value]
            .uses
            .last()
            .copied()
            .unwrap_or(usize::MAX)
    }

    /// A register for something new, pinned: a free one, or that of the value that is not needed for longest.
    fn take(&mut self, to: &mut Assembler) -> Vector {
        let candidates = (0..FREE as usize).filter(|r| !self.pinned[*r]);
        let distance = |r: &usize| self.registers[*r].map_or(usize::MAX, |v| self.next_use(v));
        let stored = |r: &usize| self.registers[*r].is_none_or(|v| self.values[v].stored);
        let chosen = candidates
            .max_by_key(|r| (self.registers[*r].is_none(), distance(r), stored(r)))
            .unwrap_or(0);
        if let Some(value) = self.registers[chosen].take() {
            let held = &mut self.values[value];
            held.register = None;
            if !held.stored && !held.uses.is_empty() {
                to.store(held.home, chosen as Vector);
                held.stored = true;
            }
        }
        self.pinned[chosen] = true;
        chosen as Vector
    }

    /// Where to read a value.
    fn operand(&self, value: usize) -> Operand {
        let value = &self.values[value];
        value.register.map_or(value.home, R)
    }

    /// A register with a value, pinned; it may be read only.
    fn read(&mut self, to: &mut Assembler, value: usize) -> Vector {
        if let Some(register) = self.values[value].register {
            self.pinned[register as usize] = true;
            return register;
        }
        let register = self.take(to);
        to.load(register, self.values[value].home);
        if !self.values[value].uses.is_empty() {
            self.registers[register as usize] = Some(value);
            self.values[value].register = Some(register);
        }
        register
    }

    /// A pinned register with a value that may be overwritten: its own where it is not needed any more.
    fn consume(&mut self, to: &mut Assembler, value: usize) -> Vector {
        if let Some(register) = self.values[value].register
            && self.values[value].uses.is_empty()
        {
            self.values[value].register = None;
            self.registers[register as usize] = None;
            self.pinned[register as usize] = true;
            return register;
        }
        if let Some(register) = self.values[value].register {
            self.pinned[register as usize] = true;
        }
        let register = self.take(to);
        to.load(register, self.operand(value));
        register
    }

    fn has_register(&self, value: usize) -> bool {
        self.values[value].register.is_some()
    }

    fn dies_in_register(&self, value: usize) -> bool {
        self.has_register(value) && self.values[value].uses.is_empty()
    }
}

impl Writer<'_> {
    /// A program in place; the rows `relative` are those that rsi points at.
    fn program(&mut self, program: &[Instruction], relative: &Range<usize>) {
        let layout = self.system.layout;
        let home = |row: Row| {
            let row = row as usize;
            if relative.contains(&row) {
                Operand::Relative(row - relative.start)
            } else {
                Operand::Row(row)
            }
        };
        let mut values: Vec<Value> = Vec::new();
        let mut current: HashMap<Row, usize> = HashMap::new();
        let mut reads: Vec<Vec<usize>> = Vec::with_capacity(program.len());
        let mut writes: Vec<usize> = Vec::with_capacity(program.len());
        for (i, instruction) in program.iter().enumerate() {
            let rows = [instruction.a, instruction.b, instruction.c];
            let mut arguments = Vec::with_capacity(3);
            for row in &rows[..arity(instruction.operation)] {
                let value = *current.entry(*row).or_insert_with(|| {
                    values.push(Value {
                        home: home(*row),
                        uses: Vec::new(),
                        register: None,
                        stored: true,
                    });
                    values.len() - 1
                });
                values[value].uses.push(i);
                arguments.push(value);
            }
            reads.push(arguments);
            values.push(Value {
                home: home(instruction.to),
                uses: Vec::new(),
                register: None,
                stored: false,
            });
            writes.push(values.len() - 1);
            current.insert(instruction.to, values.len() - 1);
        }
        for value in &mut values {
            value.uses.reverse();
        }
        let mut all = Allocation {
            values,
            registers: [None; FREE as usize],
            pinned: [false; FREE as usize],
        };
        for (i, instruction) in program.iter().enumerate() {
            let arguments = &reads[i];
            for value in arguments {
                while all.values[*value].uses.last() == Some(&i) {
                    all.values[*value].uses.pop();
                }
                if let Some(register) = all.values[*value].register {
                    all.pinned[register as usize] = true;
                }
            }
            let register = self.operation(&mut all, instruction.operation, arguments);
            let value = writes[i];
            all.pinned = [false; FREE as usize];
            for at in 0..FREE as usize {
                if let Some(held) = all.registers[at]
                    && all.values[held].uses.is_empty()
                {
                    all.values[held].register = None;
                    all.registers[at] = None;
                }
            }
            let kept = &mut all.values[value];
            if (instruction.to as usize) < layout.temporaries {
                self.to.store(kept.home, register);
                kept.stored = true;
            }
            if !kept.uses.is_empty() {
                kept.register = Some(register);
                all.registers[register as usize] = Some(value);
            }
        }
    }

    /// An operation of a program; gives the register of the result.
    fn operation(
        &mut self,
        all: &mut Allocation,
        operation: Operation,
        arguments: &[usize],
    ) -> Vector {
        let to = &mut self.to;
        let [a, b, c] = [0, 1, 2].map(|k| arguments.get(k).copied().unwrap_or(arguments[0]));
        match operation {
            Operation::Copy => all.consume(to, a),
            Operation::Add => Self::commuting(to, all, code::ADD, a, b),
            Operation::Mul => Self::commuting(to, all, code::MUL, a, b),
            Operation::MulAdd => {
                let codes = [code::MUL_TO_ADD, code::TO_MUL_ADD, code::MUL_ADD_TO];
                Self::fused(to, all, codes, [a, b, c])
            }
            Operation::MulSub => {
                let codes = [code::MUL_TO_SUB, code::TO_MUL_SUB, code::MUL_SUB_TO];
                Self::fused(to, all, codes, [a, b, c])
            }
            Operation::Inverse => {
                let from = Self::hold(to, all, a);
                let into = all.take(to);
                to.two(code::DIV, into, ONE, from);
                into
            }
            Operation::Sqrt => {
                let from = Self::hold(to, all, a);
                let into = all.take(to);
                to.one(code::SQRT, into, from);
                into
            }
            Operation::SafeInverse => {
                let from = all.read(to, a);
                let into = all.take(to);
                to.inverse_above(into, from, SMALLEST_DIVISOR);
                into
            }
            Operation::Step => {
                let from = all.read(to, a);
                let into = all.take(to);
                to.step(into, from);
                into
            }
            Operation::Positive => {
                let into = all.consume(to, a);
                to.two(code::MAX, into, into, constant(0.0));
                into
            }
            Operation::Exp | Operation::Logistic => {
                let x = all.consume(to, a);
                let spare = [(); 4].map(|()| all.take(to));
                if operation == Operation::Exp {
                    to.exp(x, spare);
                } else {
                    to.logistic(x, spare);
                }
                x
            }
            Operation::Ln => {
                let x = all.read(to, a);
                let spare = [(); 7].map(|()| all.take(to));
                to.ln(spare[0], x, spare);
                spare[0]
            }
        }
    }

    /// Where to read a value, kept there for now.
    fn hold(to: &mut Assembler, all: &mut Allocation, value: usize) -> Operand {
        if all.has_register(value) || all.values[value].uses.len() > 1 {
            R(all.read(to, value))
        } else {
            all.operand(value)
        }
    }

    fn commuting(
        to: &mut Assembler,
        all: &mut Allocation,
        code: iced_x86::Code,
        a: usize,
        b: usize,
    ) -> Vector {
        let (a, b) = if all.has_register(a) { (a, b) } else { (b, a) };
        let first = all.read(to, a);
        let second = Self::hold(to, all, b);
        let into = all.take(to);
        to.two(code, into, first, second);
        into
    }

    /// `a b + c` or `c - a b`: `codes` put it in place of `a` (times `b`, plus an operand), of `a` (times an operand,
    /// plus `c`), and of `c` (plus `b` times an operand).
    fn fused(
        to: &mut Assembler,
        all: &mut Allocation,
        codes: [iced_x86::Code; 3],
        [a, b, c]: [usize; 3],
    ) -> Vector {
        if all.dies_in_register(c) || !(all.dies_in_register(a) || all.dies_in_register(b)) {
            // In place of c. One factor in a register, the other wherever it is.
            let (a, b) = if all.has_register(a) { (a, b) } else { (b, a) };
            let first = all.read(to, a);
            let second = Self::hold(to, all, b);
            let into = all.consume(to, c);
            to.two(codes[2], into, first, second);
            return into;
        }
        let (a, b) = if all.dies_in_register(a) {
            (a, b)
        } else {
            (b, a)
        };
        if all.has_register(b) {
            let second = all.read(to, b);
            let third = if c == b {
                R(second)
            } else {
                Self::hold(to, all, c)
            };
            let into = all.consume(to, a);
            to.two(codes[0], into, second, third);
            into
        } else {
            let third = all.read(to, c);
            let second = Self::hold(to, all, b);
            let into = all.consume(to, a);
            to.two(codes[1], into, third, second);
            into
        }
    }

    /// Weights in registers from 0.
    fn weights(&mut self, weights: impl Iterator<Item = f64>) {
        for (register, weight) in weights.enumerate() {
            self.to.load(register as Vector, constant(weight));
        }
    }

    /// Marks the lanes in which a sum of states, from the row `first`, is not positive.
    fn check(&mut self, first: usize, sum: Vector) {
        for group in &self.system.positive {
            for (at, i) in group.iter().enumerate() {
                let state = Operand::Row(first + i);
                if at == 0 {
                    self.to.load(sum, state);
                } else {
                    self.to.two(code::ADD, sum, sum, state);
                }
            }
            let zero = constant(0.0);
            self.to
                .replace(OUTSIDE, Comparison::NotGreater, sum, zero, f64::NAN);
        }
    }

    /// Twice the variable of the series at a part of the step.
    fn twice_place(&mut self, to: Vector, part: f64) {
        let layout = &self.system.layout;
        let a = &mut self.to;
        a.load(to, Operand::Row(layout.step));
        a.load(FREE - 1, constant(part));
        a.two(code::MUL_TO_ADD, to, FREE - 1, Operand::Row(layout.time));
        a.load(FREE - 1, Operand::Row(layout.pace));
        a.two(code::MUL_TO_ADD, to, FREE - 1, constant(-1.0));
        a.two(code::ADD, to, to, R(to));
    }

    /// The drives at the later stages of the one-step method, into the rows of their courses.
    fn courses(&mut self) {
        const TOGETHER: usize = 6;
        let (layout, drives) = (self.system.layout, self.system.drives.len());
        for drive in 0..drives {
            for (batch, parts) in rodas::NODES[1..].chunks(TOGETHER).enumerate() {
                let series = layout.series + drive * TERMS;
                let term = 3 * TOGETHER as Vector;
                let mut registers = [[0; 3]; TOGETHER];
                for (at, part) in parts.iter().enumerate() {
                    registers[at] = [0, 1, 2].map(|k| 3 * at as Vector + k);
                    self.twice_place(registers[at][2], *part);
                    self.to.load(registers[at][0], row(series, TERMS - 1));
                    self.to.clear(registers[at][1]);
                }
                for k in (1..TERMS - 1).rev() {
                    self.to.load(term, row(series, k));
                    for [a, b, twice] in &mut registers[..parts.len()] {
                        self.to.two(code::SUB, *b, term, R(*b));
                        self.to.two(code::MUL_ADD_TO, *b, *twice, R(*a));
                        std::mem::swap(a, b);
                    }
                }
                self.to.load(term, row(series, 0));
                for (at, [a, b, twice]) in registers[..parts.len()].iter().enumerate() {
                    self.to.two(code::SUB, *b, term, R(*b));
                    self.to.two(code::MUL, *twice, *twice, constant(0.5));
                    self.to.two(code::MUL_ADD_TO, *b, *twice, R(*a));
                    let stage = 1 + batch * TOGETHER + at;
                    let course = Operand::Row(layout.courses + stage * drives + drive);
                    self.to.store(course, *b);
                }
            }
        }
    }

    /// Puts the drives of a stage where the rates read them.
    fn drive(&mut self, stage: usize) {
        let (layout, drives) = (self.system.layout, self.system.drives.len());
        for drive in 0..drives {
            let register = drive as Vector % FREE;
            let course = Operand::Row(layout.courses + stage * drives + drive);
            self.to.load(register, course);
            self.to.store(Operand::Row(layout.drives + drive), register);
        }
    }

    /// The drives at the start of the step with their rates.
    fn drives_and_tempo(&mut self) {
        let layout = self.system.layout;
        for drive in 0..self.system.drives.len() {
            let series = layout.series + drive * TERMS;
            let [mut a, mut b, mut da, mut db, twice, term] = [0, 1, 2, 3, 4, 5];
            self.twice_place(twice, 0.0);
            self.to.load(a, row(series, TERMS - 1));
            for register in [b, da, db] {
                self.to.clear(register);
            }
            for k in (1..TERMS - 1).rev() {
                self.to.load(term, row(series, k));
                self.to.two(code::SUB, b, term, R(b));
                self.to.two(code::MUL_ADD_TO, b, twice, R(a));
                self.to.two(code::MUL_LESS_TO, db, a, constant(2.0));
                self.to.two(code::MUL_ADD_TO, db, twice, R(da));
                std::mem::swap(&mut a, &mut b);
                std::mem::swap(&mut da, &mut db);
            }
            self.to.load(term, row(series, 0));
            self.to.two(code::MUL, twice, twice, constant(0.5));
            self.to.two(code::SUB, b, term, R(b));
            // a is the last but one value: the rate needs it before it is overwritten.
            self.to.two(code::SUB, db, a, R(db));
            self.to.two(code::MUL_ADD_TO, b, twice, R(a));
            self.to.two(code::MUL_ADD_TO, db, twice, R(da));
            self.to.two(code::MUL, db, db, Operand::Row(layout.pace));
            self.to.store(Operand::Row(layout.drives + drive), b);
            self.to.store(Operand::Row(layout.tempo + drive), db);
        }
    }

    /// The factor to the next step from what `x` holds.
    fn factor(&mut self, x: Vector, [root, safety, most, least]: [f64; 4]) {
        let layout = self.system.layout;
        let a = &mut self.to;
        a.ln(10, x, [10, 11, 12, 13, 14, 15, 16]);
        a.two(code::MUL, 10, 10, constant(root));
        a.exp(10, [11, 12, 13, 14]);
        a.two(code::MUL, 10, 10, constant(safety));
        a.two(code::MIN, 10, 10, constant(most));
        a.two(code::MAX, 10, 10, constant(least));
        a.store(Operand::Row(layout.factor), 10);
    }

    fn increment_row(&self, stage: usize, state: usize) -> Operand {
        Operand::Row(self.system.layout.increments + stage * self.system.states + state)
    }

    /// Rates and watched values.
    fn wide(&self) -> usize {
        self.system.states + self.system.watched
    }

    /// Carries rows over in the lanes that took the last step.
    fn carry(&mut self, to: usize, from: usize, count: usize) {
        self.to.load(0, Operand::Row(self.system.layout.taken));
        self.to.choose(0);
        for i in 0..count {
            let register = (i % 16) as Vector;
            self.to.load(register, row(to, i));
            self.to.blend(register, register, row(from, i));
            self.to.store(row(to, i), register);
        }
    }

    /// Starts the step where the last one ended, in the lanes that took it.
    fn advance(&mut self) {
        let layout = self.system.layout;
        self.carry(layout.before, layout.after, self.system.states);
    }

    /// Keeps the watched values at the end of the last step.
    fn keep_watched_end(&mut self) {
        let end = collocation::watched_at_end(self.system);
        self.carry(self.system.layout.start, end, self.system.watched);
    }

    /// How far watched values go to both sides of 0.
    fn bend(&mut self, first: usize, stride: usize, seen: &[usize], start: Option<usize>) {
        let layout = self.system.layout;
        let bend = FREE - 1;
        let watched = self.system.watched;
        self.to.clear(bend);
        for k in 0..watched {
            let [x, high, low] = [0, 1, 2].map(|at| 3 * (k % 6) as Vector + at);
            self.to
                .load(high, Operand::Row(first + seen[0] * stride + k));
            self.to.load(low, R(high));
            let later = seen[1..].iter().map(|stage| first + stage * stride + k);
            for row in later.chain(start.map(|start| start + k)) {
                self.to.load(x, Operand::Row(row));
                self.to.two(code::MAX, high, x, R(high));
                self.to.two(code::MIN, low, x, R(low));
            }
            self.to.store(row(layout.ranges, k), low);
            self.to.store(row(layout.ranges, watched + k), high);
            self.to.two(code::XOR, low, low, constant(-0.0));
            self.to.two(code::MIN, high, high, R(low));
            self.to.two(code::MAX, bend, high, R(bend));
        }
        self.to.store(Operand::Row(layout.bend), bend);
    }

    /// Keeps the watched values of a stage of the one-step method.
    fn keep_watched(&mut self, stage: usize) {
        let (n, watched) = (self.system.states, self.system.watched);
        let layout = self.system.layout;
        for k in 0..watched {
            let register = (k % 16) as Vector;
            self.to.load(register, row(layout.rates, n + k));
            let to = row(layout.increments + STAGES * n, stage * watched + k);
            self.to.store(to, register);
        }
    }

    /// Ten rows from `first` on, `stride` apart, into registers from 0.
    fn load_nodes(&mut self, first: usize, stride: usize) {
        for node in 0..NODES {
            self.to
                .load(node as Vector, Operand::Row(first + node * stride));
        }
    }

    /// Weighted sum of registers from `from` on.
    fn combine(&mut self, to: Vector, from: Vector, weights: &[f64; NODES]) {
        for (at, weight) in weights.iter().enumerate() {
            let code = if at == 0 { code::MUL } else { code::MUL_ADD_TO };
            self.to
                .two(code, to, from + at as Vector, constant(*weight));
        }
    }

    /// A sweep of the collocation.
    fn sweep(&mut self, [rates, newton, correction]: [usize; 3]) {
        let layout = self.system.layout;
        let n = self.system.states;
        for node in 0..NODES {
            self.drive(node);
            self.weights(radau::FROM_SPECTRUM[node].into_iter());
            for i in 0..n {
                let to = 10 + (i % 11) as Vector;
                for k in 0..NODES {
                    let row = Operand::Row(layout.spectrum + k * n + i);
                    let code = if k == 0 { code::MUL } else { code::MUL_ADD_TO };
                    self.to.two(code, to, k as Vector, row);
                }
                self.to.two(code::ADD, to, to, row(layout.before, i));
                self.to.store(row(layout.states, i), to);
            }
            self.check(layout.states, 0);
            let part = if node == collocation::MIDDLE {
                newton
            } else {
                rates
            };
            self.to.call(part, layout.increments + node * self.wide());
        }
        self.to.two(code::DIV, 0, ONE, Operand::Row(layout.step));
        for pair in 0..NODES / 2 {
            let shift = Pair::of(self.system, pair).shift();
            for (row, value) in shift.into_iter().zip(collocation::inverse_eigenvalue(pair)) {
                self.to.two(code::MUL, 1, 0, constant(value));
                self.to.store(Operand::Row(row), 1);
            }
        }
        for i in 0..n {
            self.load(i);
        }
        for pair in 0..NODES / 2 {
            self.to.call(correction, Pair::of(self.system, pair).first);
        }
        // What is summed over the states stands where constants of the rates stood.
        let [change, curve] = [22, 23];
        self.to.clear(change);
        self.to.clear(curve);
        for i in 0..n {
            self.correct(i, change, curve);
        }
        self.check(layout.after, 0);
        let a = &mut self.to;
        let mean = constant(1.0 / n as f64);
        a.load(0, mean);
        a.two(code::MUL_TO_ADD, change, 0, R(OUTSIDE));
        a.one(code::SQRT, change, R(change));
        a.two(code::DIV, change, change, Operand::Row(layout.rtol));
        a.store(Operand::Row(layout.error), change);
        a.two(code::MUL, curve, curve, mean);
        a.one(code::SQRT, curve, R(curve));
        a.store(Operand::Row(layout.curve), curve);
        let start = Some(layout.start);
        self.bend(
            layout.increments + n,
            self.wide(),
            &collocation::SEEN,
            start,
        );
    }

    /// The right-hand sides of Newton's systems for a state, and its last Legendre coefficients.
    fn load(&mut self, i: usize) {
        let layout = self.system.layout;
        let n = self.system.states;
        self.load_nodes(layout.increments + i, self.wide());
        const F: Vector = NODES as Vector;
        for (k, weights) in radau::HIGHEST.iter().enumerate() {
            let to = F + k as Vector;
            self.combine(to, 0, weights);
            self.to.store(Operand::Row(layout.curves + k * n + i), to);
        }
        for (k, weights) in radau::TO_SPECTRUM.iter().enumerate() {
            self.combine(F + k as Vector, 0, weights);
        }
        let [s, t] = [0, 1];
        for pair in 0..NODES / 2 {
            let at = Pair::of(self.system, pair);
            let [shift, rows] = [at.shift(), at.state(i)];
            let [p, q] = [2 * pair, 2 * pair + 1];
            let [x, y] = [p, q].map(|k| F + k as Vector);
            let [u, v] = [p, q].map(|k| Operand::Row(layout.spectrum + k * n + i));
            let to = &mut self.to;
            to.load(s, Operand::Row(shift[0]));
            to.load(t, Operand::Row(shift[1]));
            to.two(code::MUL_SUB_TO, x, s, u);
            to.two(code::MUL_ADD_TO, x, t, v);
            to.two(code::MUL_SUB_TO, y, s, v);
            to.two(code::MUL_SUB_TO, y, t, u);
            to.store(Operand::Row(rows[0]), x);
            to.store(Operand::Row(rows[1]), y);
        }
    }

    /// Corrects a state at all nodes, and adds to the squares of change and curve.
    fn correct(&mut self, i: usize, change: Vector, curve: Vector) {
        let layout = self.system.layout;
        let n = self.system.states;
        const F: Vector = NODES as Vector;
        let sum = 0;
        for pair in 0..NODES / 2 {
            let rows = Pair::of(self.system, pair).state(i);
            for (part, row) in rows.into_iter().enumerate() {
                let k = 2 * pair + part;
                let spectrum = Operand::Row(layout.spectrum + k * n + i);
                let delta = F + k as Vector;
                self.to.load(delta, Operand::Row(row));
                self.to.two(code::ADD, sum, delta, spectrum);
                self.to.store(spectrum, sum);
            }
        }
        let [middle, end] = [8, 9];
        self.combine(middle, F, &radau::FROM_SPECTRUM[collocation::MIDDLE]);
        self.combine(end, F, &radau::FROM_SPECTRUM[NODES - 1]);
        let [rise, before, after, scale, step, weight_at] = [0, 1, 2, 3, 4, 5];
        let [last, before_last] = [20, 21];
        for (k, to) in [last, before_last].into_iter().enumerate() {
            self.to.load(to, Operand::Row(layout.curves + k * n + i));
        }
        self.to.load(step, Operand::Row(layout.step));
        for (k, weight) in radau::FROM_SPECTRUM[NODES - 1].iter().enumerate() {
            let to = &mut self.to;
            let row = Operand::Row(layout.spectrum + k * n + i);
            to.load(weight_at, constant(*weight));
            let code = if k == 0 { code::MUL } else { code::MUL_ADD_TO };
            to.two(code, rise, weight_at, row);
        }
        let to = &mut self.to;
        let magnitude = Operand::Constant(!(1 << 63));
        to.load(before, Operand::Row(layout.before + i));
        to.two(code::ADD, after, before, R(rise));
        to.store(Operand::Row(layout.after + i), after);
        to.two(code::AND, before, before, magnitude);
        to.two(code::AND, after, after, magnitude);
        to.two(code::MAX, scale, before, R(after));
        to.two(code::ADD, scale, scale, Operand::Row(layout.weights + i));
        to.two(code::DIV, scale, ONE, R(scale));
        for x in [middle, end] {
            to.two(code::MUL, x, x, R(scale));
            to.two(code::MUL_ADD_TO, change, x, R(x));
        }
        for x in [last, before_last] {
            to.two(code::MUL, x, x, R(step));
            to.two(code::MUL, x, x, R(scale));
            to.two(code::MUL_ADD_TO, curve, x, R(x));
        }
    }

    fn collocation_interpolant(&mut self) {
        let layout = self.system.layout;
        let n = self.system.states;
        for i in 0..n {
            self.load_nodes(layout.spectrum + i, n);
            for (part, weights) in radau::INTERPOLANT.iter().enumerate() {
                let to = (NODES + part) as Vector;
                self.combine(to, 0, weights);
                self.to.store(row(layout.dense, part * n + i), to);
            }
        }
    }

    fn one_step(&mut self, rates: usize) {
        let layout = self.system.layout;
        let n = self.system.states;
        // Registers 20 and 21 do not survive a program; what is needed later is loaded again.
        let [inverse_step, tilted] = [20, 21];
        let a = &mut self.to;
        a.two(code::DIV, 0, ONE, Operand::Row(layout.step));
        a.two(code::MUL, 0, 0, constant(1.0 / rodas::GAMMA));
        a.store(Operand::Row(layout.shift), 0);
        for i in 0..n {
            a.load((i % 16) as Vector, Operand::Row(layout.before + i));
            a.store(Operand::Row(layout.states + i), (i % 16) as Vector);
        }
        self.drives_and_tempo();
        self.courses();
        self.program(&self.system.factor, &(0..0));
        self.keep_watched(0);
        self.to.load(tilted, constant(rodas::TILTS[0]));
        self.to
            .two(code::MUL, tilted, tilted, Operand::Row(layout.step));
        for i in 0..n {
            let (a, to) = (&mut self.to, (i % 16) as Vector);
            a.load(to, Operand::Row(layout.tilt + i));
            a.two(code::MUL_TO_ADD, to, tilted, Operand::Row(layout.rates + i));
            a.two(code::XOR, to, to, constant(-0.0));
            a.store(Operand::Row(layout.load + i), to);
        }
        self.program(&self.system.solve[0], &(0..0));
        for stage in 1..STAGES {
            self.drive(stage);
            if let Some(sum) = rodas::A.get(stage) {
                self.weights(sum[..stage].iter().copied());
                for i in 0..n {
                    let to = 8 + (i % 12) as Vector;
                    self.to.load(to, row(layout.before, i));
                    for j in 0..stage {
                        self.to
                            .two(code::MUL_ADD_TO, to, j as Vector, self.increment_row(j, i));
                    }
                    self.to.store(row(layout.states, i), to);
                }
            } else {
                for i in 0..n {
                    let to = (i % 16) as Vector;
                    self.to.load(to, row(layout.states, i));
                    self.to
                        .two(code::ADD, to, to, self.increment_row(stage - 1, i));
                    self.to.store(row(layout.states, i), to);
                }
            }
            self.check(layout.states, 0);
            self.to.call(rates, layout.rates);
            self.keep_watched(stage);
            self.weights(rodas::C[stage][..stage].iter().copied());
            self.to
                .two(code::DIV, inverse_step, ONE, Operand::Row(layout.step));
            self.to.load(tilted, constant(rodas::TILTS[stage]));
            self.to
                .two(code::MUL, tilted, tilted, Operand::Row(layout.step));
            for i in 0..n {
                let to = 8 + (i % 12) as Vector;
                self.to.two(code::MUL, to, 0, self.increment_row(0, i));
                for j in 1..stage {
                    self.to
                        .two(code::MUL_ADD_TO, to, j as Vector, self.increment_row(j, i));
                }
                self.to
                    .two(code::MUL_TO_ADD, to, inverse_step, row(layout.rates, i));
                if stage < rodas::TILTED {
                    self.to
                        .two(code::MUL_ADD_TO, to, tilted, row(layout.tilt, i));
                }
                self.to.two(code::XOR, to, to, constant(-0.0));
                self.to.store(row(layout.load, i), to);
            }
            self.program(&self.system.solve[stage], &(0..0));
        }
        let [square, rtol] = [20, 21];
        let magnitude = Operand::Constant(!(1 << 63));
        self.to.clear(square);
        self.to.load(rtol, Operand::Row(layout.rtol));
        for i in 0..n {
            let [k, before, after] = [0, 1, 2].map(|at| 3 * (i % 6) as Vector + at);
            self.to.load(k, self.increment_row(STAGES - 1, i));
            let a = &mut self.to;
            a.load(before, Operand::Row(layout.before + i));
            a.two(code::ADD, after, k, Operand::Row(layout.states + i));
            a.store(Operand::Row(layout.after + i), after);
            a.two(code::AND, before, before, magnitude);
            a.two(code::AND, after, after, magnitude);
            a.two(code::MAX, before, before, R(after));
            a.two(code::ADD, before, before, Operand::Row(layout.weights + i));
            a.two(code::MUL, before, before, R(rtol));
            a.two(code::DIV, k, k, R(before));
            a.two(code::MUL_ADD_TO, square, k, R(k));
        }
        self.check(layout.after, 0);
        let a = &mut self.to;
        a.load(1, constant(1.0 / n as f64));
        a.two(code::MUL_TO_ADD, square, 1, R(OUTSIDE));
        a.one(code::SQRT, 0, R(square));
        a.store(Operand::Row(layout.error), 0);
        let numbers = [rodas::ROOT, rodas::SAFETY, rodas::FASTEST, rodas::SLOWEST];
        self.factor(square, numbers);
        let watched = layout.increments + STAGES * n;
        self.bend(watched, self.system.watched, &rodas::SEEN, None);
    }

    fn one_step_interpolant(&mut self) {
        let layout = self.system.layout;
        let n = self.system.states;
        let zero = FREE - 1;
        self.to.clear(zero);
        for i in 0..n {
            for j in 0..STAGES {
                self.to.load(j as Vector, self.increment_row(j, i));
            }
            for (part, weights) in rodas::H.iter().enumerate() {
                let to = STAGES as Vector + part as Vector;
                for (j, weight) in weights.iter().enumerate() {
                    let code = if j == 0 { code::MUL } else { code::MUL_ADD_TO };
                    self.to.two(code, to, j as Vector, constant(*weight));
                }
            }
            let [first, second, third] = [0, 1, 2].map(|part| STAGES as Vector + part);
            let a = &mut self.to;
            a.two(code::ADD, second, second, R(third));
            a.two(code::XOR, third, third, constant(-0.0));
            for (part, from) in [first, second, third].into_iter().enumerate() {
                a.store(Operand::Row(layout.dense + part * n + i), from);
            }
            for part in 3..COEFFICIENTS {
                a.store(Operand::Row(layout.dense + part * n + i), zero);
            }
        }
    }
}

/// A row of a group.
fn row(group: usize, at: usize) -> Operand {
    Operand::Row(group + at)
}

/// Number of rows that an operation reads.
fn arity(operation: Operation) -> usize {
    match operation {
        Operation::Add | Operation::Mul => 2,
        Operation::MulAdd | Operation::MulSub => 3,
        _ => 1,
    }
}
