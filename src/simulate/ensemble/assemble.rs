//! Writing machine code for rows of eight lanes with AVX-512.
//!
//! Either all eight lanes of a row are computed, or the first four alone, in half the time.
//!
//! An [`Assembler`] appends instructions on vector registers, rows and constants; what it writes is the very
//! sequence of operations that [`super::lanes`] does, so that results are the same to the bit. The encoding is
//! that of `iced-x86`.
//!
//! Registers: rdi points at the row [`Assembler::bias`], rsi at the rows of a part that is called for
//! different ones, rdx at the constants.
//! The vector registers 0 to [`FREE`] hold values, those above hold what is needed all the time.

use super::lanes::{
    EXP, EXP_LIMIT, INVERSES, LN, LN_OFFSET, LN2_HIGH, LN2_LOW, LOGARITHMS, ROOTS, ROUND,
    SIXTEENTH_HIGH, SIXTEENTH_LOW, SIXTEENTHS,
};
use super::symbol::LN_OF_NOTHING;
use iced_x86::{Code, Encoder, IcedError, Instruction, MemoryOperand, Register};
use std::collections::HashMap;

/// Bytes of a row of eight lanes.
pub(super) const ROW: usize = 64;

/// A vector register by number.
pub(super) type Vector = u8;

/// Registers for values.
pub(super) const FREE: Vector = 22;
const LOGARITHM_TABLE: [Vector; 2] = [22, 23];
const INVERSE_TABLE: [Vector; 2] = [24, 25];
const ROOT_TABLE: [Vector; 2] = [26, 27];
const LEAST: Vector = 28;
const MOST: Vector = 29;
/// Holds 1.
pub(super) const ONE: Vector = 30;
/// Not a number in the lanes whose states have left the domain, else 0.
pub(super) const OUTSIDE: Vector = 31;

/// Entries of the constants that the tables fill: three of two registers each.
const TABLES: usize = 48;

/// What an instruction reads last: a register, a row, a row from where rsi points, or a constant for all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    Register(Vector),
    Row(usize),
    Relative(usize),
    Constant(u64),
}

/// A constant for all lanes.
pub(super) fn constant(value: f64) -> Operand {
    Operand::Constant(value.to_bits())
}

/// Comparisons for masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// a > b
    Greater,
    /// Not a > b, true where one is not a number
    NotGreater,
}

/// The first mask register; all masks here are short-lived.
const MASK: Register = Register::K1;

/// Codes of operations on two sources.
pub(super) mod code {
    use iced_x86::Code;
    pub const ADD: Code = Code::EVEX_Vaddpd_zmm_k1z_zmm_zmmm512b64_er;
    pub const SUB: Code = Code::EVEX_Vsubpd_zmm_k1z_zmm_zmmm512b64_er;
    pub const MUL: Code = Code::EVEX_Vmulpd_zmm_k1z_zmm_zmmm512b64_er;
    pub const DIV: Code = Code::EVEX_Vdivpd_zmm_k1z_zmm_zmmm512b64_er;
    /// The first where it is less, else the second.
    pub const MIN: Code = Code::EVEX_Vminpd_zmm_k1z_zmm_zmmm512b64_sae;
    /// The first where it is greater, else the second.
    pub const MAX: Code = Code::EVEX_Vmaxpd_zmm_k1z_zmm_zmmm512b64_sae;
    pub const AND: Code = Code::EVEX_Vandpd_zmm_k1z_zmm_zmmm512b64;
    pub const XOR: Code = Code::EVEX_Vxorpd_zmm_k1z_zmm_zmmm512b64;
    /// to = a b + to
    pub const MUL_ADD_TO: Code = Code::EVEX_Vfmadd231pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = a to + b
    pub const MUL_TO_ADD: Code = Code::EVEX_Vfmadd213pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = to b + a
    pub const TO_MUL_ADD: Code = Code::EVEX_Vfmadd132pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = to - a b
    pub const MUL_SUB_TO: Code = Code::EVEX_Vfnmadd231pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = b - a to
    pub const MUL_TO_SUB: Code = Code::EVEX_Vfnmadd213pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = a - to b
    pub const TO_MUL_SUB: Code = Code::EVEX_Vfnmadd132pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = a b - to
    pub const MUL_LESS_TO: Code = Code::EVEX_Vfmsub231pd_zmm_k1z_zmm_zmmm512b64_er;
    /// to = a to - b
    pub const MUL_TO_LESS: Code = Code::EVEX_Vfmsub213pd_zmm_k1z_zmm_zmmm512b64_er;
    pub const ADD_BITS: Code = Code::EVEX_Vpaddq_zmm_k1z_zmm_zmmm512b64;
    pub const SUB_BITS: Code = Code::EVEX_Vpsubq_zmm_k1z_zmm_zmmm512b64;
    pub const AND_BITS: Code = Code::EVEX_Vpandq_zmm_k1z_zmm_zmmm512b64;
    /// The entries of the tables `a`, `b` that `to` numbers.
    pub const LOOK_UP: Code = Code::EVEX_Vpermi2pd_zmm_k1z_zmm_zmmm512b64;
    pub const SQRT: Code = Code::EVEX_Vsqrtpd_zmm_k1z_zmmm512b64_er;
}
use code::*;

/// Machine code in the making.
pub(super) struct Assembler {
    encoder: Encoder,
    /// Row at which rdi points: one in the middle of those used most, which short displacements reach.
    pub bias: usize,
    /// Whether only the first four lanes are computed.
    pub narrow: bool,
    at: usize,
    constants: Vec<u64>,
    places: HashMap<u64, usize>,
    error: Option<IcedError>,
}

impl Assembler {
    pub fn new(bias: usize) -> Self {
        let inverses = INVERSES.map(f64::to_bits);
        let logarithms = LOGARITHMS.map(f64::to_bits);
        let constants: Vec<u64> = [logarithms, inverses, ROOTS].concat();
        Self {
            encoder: Encoder::new(64),
            bias,
            narrow: false,
            at: 0,
            constants,
            places: HashMap::new(),
            error: None,
        }
    }

    /// The code and its constants; `None` if something could not be encoded.
    pub fn finish(mut self) -> Option<(Vec<u8>, Vec<u64>)> {
        let code = self.encoder.take_buffer();
        self.error.is_none().then_some((code, self.constants))
    }

    /// Where the next instruction will stand.
    pub fn place(&self) -> usize {
        self.at
    }

    fn sized(&self, code: Code) -> Code {
        let narrow = self.narrow.then(|| narrowed(code)).flatten();
        narrow.unwrap_or(code)
    }

    fn register(&self, code: Code, number: Vector) -> Register {
        if self.sized(code) == code {
            wide(number)
        } else {
            Register::YMM0 + u32::from(number)
        }
    }

    fn append(&mut self, instruction: Result<Instruction, IcedError>) {
        let written = instruction.and_then(|i| self.encoder.encode(&i, self.at as u64));
        match written {
            Ok(length) => self.at += length,
            Err(error) => self.error = Some(error),
        }
    }

    fn append_masked(&mut self, instruction: Result<Instruction, IcedError>, zeroing: bool) {
        let masked = instruction.map(|mut i| {
            i.set_op_mask(MASK);
            i.set_zeroing_masking(zeroing);
            i
        });
        self.append(masked);
    }

    fn memory(&mut self, operand: Operand, spread: bool) -> MemoryOperand {
        let (base, offset) = match operand {
            Operand::Row(row) => (Register::RDI, (row as i64 - self.bias as i64) * ROW as i64),
            Operand::Relative(row) => (Register::RSI, (row * ROW) as i64),
            Operand::Constant(bits) => (Register::RDX, 8 * self.constant(bits) as i64),
            Operand::Register(_) => (Register::None, 0),
        };
        let spread = spread && matches!(operand, Operand::Constant(_));
        MemoryOperand::new(base, Register::None, 1, offset, 1, spread, Register::None)
    }

    fn constant(&mut self, bits: u64) -> usize {
        let next = self.constants.len();
        let place = *self.places.entry(bits).or_insert(next);
        if place == next {
            self.constants.push(bits);
        }
        place
    }

    /// An operation on one register and an operand.
    pub fn two(&mut self, code: Code, to: Vector, a: Vector, b: Operand) {
        let instruction = self.made_of_two(code, to, a, b);
        self.append(instruction);
    }

    fn made_of_two(
        &mut self,
        code: Code,
        to: Vector,
        a: Vector,
        b: Operand,
    ) -> Result<Instruction, IcedError> {
        match b {
            Operand::Register(b) => Instruction::with3(
                self.sized(code),
                self.register(code, to),
                self.register(code, a),
                self.register(code, b),
            ),
            _ => {
                let (size, to, a) = (
                    self.sized(code),
                    self.register(code, to),
                    self.register(code, a),
                );
                Instruction::with3(size, to, a, self.memory(b, true))
            }
        }
    }

    /// An operation on an operand.
    pub fn one(&mut self, code: Code, to: Vector, a: Operand) {
        let instruction = match a {
            Operand::Register(a) => Instruction::with2(
                self.sized(code),
                self.register(code, to),
                self.register(code, a),
            ),
            _ => {
                let (size, to) = (self.sized(code), self.register(code, to));
                Instruction::with2(size, to, self.memory(a, true))
            }
        };
        self.append(instruction);
    }

    fn shift(&mut self, code: Code, to: Vector, a: Vector, by: u32) {
        self.append(Instruction::with3(
            self.sized(code),
            self.register(code, to),
            self.register(code, a),
            by,
        ));
    }

    /// Loads a row, copies a register or spreads a constant.
    pub fn load(&mut self, to: Vector, from: Operand) {
        let instruction = match from {
            Operand::Register(from) if from == to => return,
            Operand::Register(from) => {
                let code = Code::EVEX_Vmovapd_zmm_k1z_zmmm512;
                Instruction::with2(
                    self.sized(code),
                    self.register(code, to),
                    self.register(code, from),
                )
            }
            Operand::Constant(_) => {
                let code = Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64;
                let (size, to) = (self.sized(code), self.register(code, to));
                Instruction::with2(size, to, self.memory(from, false))
            }
            _ => {
                let code = Code::EVEX_Vmovupd_zmm_k1z_zmmm512;
                let (size, to) = (self.sized(code), self.register(code, to));
                Instruction::with2(size, to, self.memory(from, false))
            }
        };
        self.append(instruction);
    }

    /// Stores a register in a row or a rate.
    pub fn store(&mut self, to: Operand, from: Vector) {
        let code = Code::EVEX_Vmovupd_zmmm512_k1z_zmm;
        let memory = self.memory(to, false);
        let from = self.register(code, from);
        self.append(Instruction::with2(self.sized(code), memory, from));
    }

    /// Sets a register to 0.
    pub fn clear(&mut self, to: Vector) {
        self.two(XOR, to, to, Operand::Register(to));
    }

    fn compare(&mut self, comparison: Comparison, a: Vector, b: Operand) {
        let code = Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae;
        let predicate = match comparison {
            Comparison::Greater => 0x1e,
            Comparison::NotGreater => 0x1a,
        };
        let instruction = match b {
            Operand::Register(b) => {
                let (a, b) = (self.register(code, a), self.register(code, b));
                Instruction::with4(self.sized(code), MASK, a, b, predicate)
            }
            _ => {
                let (size, a) = (self.sized(code), self.register(code, a));
                Instruction::with4(size, MASK, a, self.memory(b, true), predicate)
            }
        };
        self.append(instruction);
    }

    /// Puts a constant into the lanes of `to` for which the comparison holds.
    pub fn replace(
        &mut self,
        to: Vector,
        comparison: Comparison,
        a: Vector,
        b: Operand,
        value: f64,
    ) {
        self.compare(comparison, a, b);
        let code = Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64;
        let memory = self.memory(constant(value), false);
        let to = self.register(code, to);
        self.append_masked(Instruction::with2(self.sized(code), to, memory), false);
    }

    /// The mask of the lanes in which a value is greater than 0.
    pub fn choose(&mut self, a: Vector) {
        self.compare(Comparison::Greater, a, constant(0.0));
    }

    /// `to` = b in the lanes chosen last, else a.
    pub fn blend(&mut self, to: Vector, a: Vector, b: Operand) {
        let code = Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64;
        let blend = self.made_of_two(code, to, a, b);
        self.append_masked(blend, false);
    }

    /// Loads what is needed all the time.
    pub fn prologue(&mut self) {
        let tables = [LOGARITHM_TABLE, INVERSE_TABLE, ROOT_TABLE].concat();
        for (at, to) in tables.into_iter().enumerate() {
            let code = Code::EVEX_Vmovupd_zmm_k1z_zmmm512;
            let offset = (at * ROW) as i64;
            let none = Register::None;
            let memory = MemoryOperand::new(Register::RDX, none, 1, offset, 1, false, none);
            self.append(Instruction::with2(code, wide(to), memory));
        }
        self.load(LEAST, constant(-EXP_LIMIT));
        self.load(MOST, constant(EXP_LIMIT));
        self.load(ONE, constant(1.0));
        self.clear(OUTSIDE);
        debug_assert_eq!(self.constants[TABLES - 1], ROOTS[15]);
    }

    /// Returns to the caller.
    pub fn epilogue(&mut self) {
        self.append(Ok(Instruction::with(Code::VEX_Vzeroupper)));
        self.leave();
    }

    /// Returns from a part.
    pub fn leave(&mut self) {
        self.append(Ok(Instruction::with(Code::Retnq)));
    }

    /// Calls a part that stands at `place`, whose relative rows are those from `first`.
    pub fn call(&mut self, place: usize, first: usize) {
        let memory = self.memory(Operand::Row(first), false);
        self.append(Instruction::with2(Code::Lea_r64_m, Register::RSI, memory));
        let code = Code::Call_rel32_64;
        self.append(Instruction::with_branch(code, place as u64));
    }

    /// `exp x` or `exp -x` in place of `x`, with four more registers.
    pub fn exp(&mut self, x: Vector, spare: [Vector; 4]) {
        use Operand::Register as R;
        let [z, n, scale, q] = spare;
        self.two(MIN, x, MOST, R(x));
        self.two(MAX, x, LEAST, R(x));
        self.load(z, constant(ROUND));
        self.two(MUL_ADD_TO, z, x, constant(SIXTEENTHS));
        self.two(SUB, n, z, constant(ROUND));
        self.two(MUL_ADD_TO, x, n, constant(-SIXTEENTH_HIGH));
        self.two(MUL_ADD_TO, x, n, constant(-SIXTEENTH_LOW));
        self.load(scale, R(z));
        self.two(LOOK_UP, scale, ROOT_TABLE[0], R(ROOT_TABLE[1]));
        self.shift(Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8, z, z, 48);
        self.two(ADD_BITS, scale, scale, R(z));
        self.two(MUL, n, x, R(x));
        self.load(q, constant(EXP[0]));
        self.two(MUL_ADD_TO, q, x, constant(EXP[1]));
        self.load(z, constant(EXP[2]));
        self.two(MUL_ADD_TO, z, x, constant(EXP[3]));
        self.two(MUL_ADD_TO, z, n, constant(EXP[4]));
        self.two(MUL_ADD_TO, q, z, R(n));
        self.two(MUL_ADD_TO, x, q, R(n));
        self.two(MUL_TO_ADD, x, scale, R(scale));
    }

    /// `1/(1 + exp -x)` in place of `x`.
    pub fn logistic(&mut self, x: Vector, spare: [Vector; 4]) {
        self.two(XOR, x, x, constant(-0.0));
        self.exp(x, spare);
        self.two(ADD, x, x, Operand::Register(ONE));
        self.two(DIV, x, ONE, Operand::Register(x));
    }

    /// `to = ln x`; `x` stays, `to` may be the first of the spare registers.
    pub fn ln(&mut self, to: Vector, x: Vector, spare: [Vector; 7]) {
        use Operand::Register as R;
        let [p0, m, at, k, c, p1, p2] = spare;
        self.two(SUB_BITS, m, x, Operand::Constant(LN_OFFSET));
        self.shift(Code::EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8, at, m, 48);
        self.shift(Code::EVEX_Vpsraq_zmm_k1z_zmmm512b64_imm8, k, m, 52);
        self.one(Code::EVEX_Vcvtqq2pd_zmm_k1z_zmmm512b64_er, k, R(k));
        let exponent = Operand::Constant(0xfff0_0000_0000_0000);
        self.two(AND_BITS, m, m, exponent);
        self.two(SUB_BITS, m, x, R(m));
        self.load(c, R(at));
        self.two(LOOK_UP, c, INVERSE_TABLE[0], R(INVERSE_TABLE[1]));
        self.two(LOOK_UP, at, LOGARITHM_TABLE[0], R(LOGARITHM_TABLE[1]));
        self.two(MUL_TO_LESS, m, c, R(ONE));
        self.two(MUL_ADD_TO, at, k, constant(LN2_HIGH));
        self.two(TO_MUL_ADD, k, m, constant(LN2_LOW));
        self.two(MUL, c, m, R(m));
        self.load(p0, constant(LN[0]));
        self.two(MUL_ADD_TO, p0, m, constant(LN[1]));
        self.load(p1, constant(LN[2]));
        self.two(MUL_ADD_TO, p1, m, constant(LN[3]));
        self.two(MUL_ADD_TO, p0, p1, R(c));
        self.load(p2, constant(LN[4]));
        self.two(MUL_ADD_TO, p2, m, constant(LN[5]));
        self.load(p1, constant(LN[6]));
        self.two(MUL_ADD_TO, p1, m, constant(LN[7]));
        self.two(MUL_ADD_TO, p2, p1, R(c));
        self.two(MUL, p1, c, R(c));
        self.two(MUL_ADD_TO, p0, p2, R(p1));
        self.two(MUL_TO_ADD, p0, c, R(k));
        self.two(ADD, p0, p0, R(at));
        self.compare(Comparison::NotGreater, x, constant(0.0));
        self.blend(to, p0, constant(LN_OF_NOTHING));
    }

    /// `to` = 1/a where `a > least`, else 0.
    pub fn inverse_above(&mut self, to: Vector, a: Vector, least: f64) {
        self.compare(Comparison::Greater, a, constant(least));
        let divide = self.made_of_two(DIV, to, ONE, Operand::Register(a));
        self.append_masked(divide, true);
    }

    /// `to` = 1 where `a > 0`, else 0.
    pub fn step(&mut self, to: Vector, a: Vector) {
        self.compare(Comparison::Greater, a, constant(0.0));
        let code = Code::EVEX_Vmovapd_zmm_k1z_zmmm512;
        let (to, one) = (self.register(code, to), self.register(code, ONE));
        let one = Instruction::with2(self.sized(code), to, one);
        self.append_masked(one, true);
    }
}

fn wide(number: Vector) -> Register {
    Register::ZMM0 + u32::from(number)
}

/// The instruction that does the same with four lanes; the tables are too large for it.
fn narrowed(code: Code) -> Option<Code> {
    Some(match code {
        ADD => Code::EVEX_Vaddpd_ymm_k1z_ymm_ymmm256b64,
        SUB => Code::EVEX_Vsubpd_ymm_k1z_ymm_ymmm256b64,
        MUL => Code::EVEX_Vmulpd_ymm_k1z_ymm_ymmm256b64,
        DIV => Code::EVEX_Vdivpd_ymm_k1z_ymm_ymmm256b64,
        MIN => Code::EVEX_Vminpd_ymm_k1z_ymm_ymmm256b64,
        MAX => Code::EVEX_Vmaxpd_ymm_k1z_ymm_ymmm256b64,
        AND => Code::EVEX_Vandpd_ymm_k1z_ymm_ymmm256b64,
        XOR => Code::EVEX_Vxorpd_ymm_k1z_ymm_ymmm256b64,
        MUL_ADD_TO => Code::EVEX_Vfmadd231pd_ymm_k1z_ymm_ymmm256b64,
        MUL_TO_ADD => Code::EVEX_Vfmadd213pd_ymm_k1z_ymm_ymmm256b64,
        TO_MUL_ADD => Code::EVEX_Vfmadd132pd_ymm_k1z_ymm_ymmm256b64,
        MUL_SUB_TO => Code::EVEX_Vfnmadd231pd_ymm_k1z_ymm_ymmm256b64,
        MUL_TO_SUB => Code::EVEX_Vfnmadd213pd_ymm_k1z_ymm_ymmm256b64,
        TO_MUL_SUB => Code::EVEX_Vfnmadd132pd_ymm_k1z_ymm_ymmm256b64,
        MUL_LESS_TO => Code::EVEX_Vfmsub231pd_ymm_k1z_ymm_ymmm256b64,
        MUL_TO_LESS => Code::EVEX_Vfmsub213pd_ymm_k1z_ymm_ymmm256b64,
        ADD_BITS => Code::EVEX_Vpaddq_ymm_k1z_ymm_ymmm256b64,
        SUB_BITS => Code::EVEX_Vpsubq_ymm_k1z_ymm_ymmm256b64,
        AND_BITS => Code::EVEX_Vpandq_ymm_k1z_ymm_ymmm256b64,
        SQRT => Code::EVEX_Vsqrtpd_ymm_k1z_ymmm256b64,
        Code::EVEX_Vmovapd_zmm_k1z_zmmm512 => Code::EVEX_Vmovapd_ymm_k1z_ymmm256,
        Code::EVEX_Vmovupd_zmm_k1z_zmmm512 => Code::EVEX_Vmovupd_ymm_k1z_ymmm256,
        Code::EVEX_Vmovupd_zmmm512_k1z_zmm => Code::EVEX_Vmovupd_ymmm256_k1z_ymm,
        Code::EVEX_Vbroadcastsd_zmm_k1z_xmmm64 => Code::EVEX_Vbroadcastsd_ymm_k1z_xmmm64,
        Code::EVEX_Vcmppd_kr_k1_zmm_zmmm512b64_imm8_sae => {
            Code::EVEX_Vcmppd_kr_k1_ymm_ymmm256b64_imm8
        }
        Code::EVEX_Vpsllq_zmm_k1z_zmmm512b64_imm8 => Code::EVEX_Vpsllq_ymm_k1z_ymmm256b64_imm8,
        Code::EVEX_Vpsrlq_zmm_k1z_zmmm512b64_imm8 => Code::EVEX_Vpsrlq_ymm_k1z_ymmm256b64_imm8,
        Code::EVEX_Vpsraq_zmm_k1z_zmmm512b64_imm8 => Code::EVEX_Vpsraq_ymm_k1z_ymmm256b64_imm8,
        Code::EVEX_Vcvtqq2pd_zmm_k1z_zmmm512b64_er => Code::EVEX_Vcvtqq2pd_ymm_k1z_ymmm256b64,
        Code::EVEX_Vblendmpd_zmm_k1z_zmm_zmmm512b64 => Code::EVEX_Vblendmpd_ymm_k1z_ymm_ymmm256b64,
        _ => return None,
    })
}
