//! Machine code in memory, and the one place that calls it.
//!
//! Why the calls are sound:
//!
//! * The code comes from [`super::native`] alone, which writes straight-line vector instructions, calls within the
//!   code, and returns. It follows the System V convention with three arguments, keeps no register that the caller
//!   owns (all vector and mask registers, rdi, rsi and rdx are the callee's there), touches the stack by call and return
//!   only, and leaves the upper halves clean.
//! * It reads the constants, which [`Executable`] owns and which live as long as the code, and reads and writes rows by
//!   their number below the number of rows it was written for; [`Executable::run`] checks that as many are there.
//! * Rows are eight `f64` without padding, so that any bits are valid values, and `&mut` makes them its own.
//! * The instructions are there: [`Executable::new`] refuses without AVX-512 F, DQ and VL.
//! * The memory is written first and made executable, and no longer writable, before anything is called; nobody
//!   else knows of it.

#![allow(unsafe_code)]

use super::lanes::Lanes;

/// Lanes of a row.
pub(super) const WIDTH: usize = 8;

/// Whether this machine has the instructions.
pub(super) fn supported() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

/// Machine code with its constants.
pub(super) struct Executable {
    memory: memmap2::Mmap,
    constants: Vec<Lanes<WIDTH>>,
    rows: usize,
    bias: usize,
}

impl Executable {
    /// Code for `rows` rows, called with the address of the row `bias`; `None` where it cannot run.
    pub fn new(code: &[u8], constants: &[u64], rows: usize, bias: usize) -> Option<Self> {
        if !supported() || bias > rows {
            return None;
        }
        let mut memory = memmap2::MmapMut::map_anon(code.len()).ok()?;
        memory.copy_from_slice(code);
        let constants = constants
            .chunks(WIDTH)
            .map(|chunk| {
                let mut row = Lanes::all(0.0);
                for (to, bits) in row.0.iter_mut().zip(chunk) {
                    *to = f64::from_bits(*bits);
                }
                row
            })
            .collect();
        Some(Self {
            memory: memory.make_exec().ok()?,
            constants,
            rows,
            bias,
        })
    }

    /// Runs the code from `entry`, a place where [`super::native`] began a function.
    pub fn run<const W: usize>(&self, entry: usize, rows: &mut [Lanes<W>]) {
        assert!(W == WIDTH && rows.len() >= self.rows && entry < self.memory.len());
        // SAFETY: see the head of this file; `entry` is inside the code, `bias` inside the rows.
        unsafe {
            let function: extern "sysv64" fn(*mut Lanes<W>, *const Lanes<W>, *const Lanes<WIDTH>) =
                std::mem::transmute(self.memory.as_ptr().add(entry));
            let base = rows.as_mut_ptr().add(self.bias);
            function(base, base, self.constants.as_ptr());
        }
    }
}
