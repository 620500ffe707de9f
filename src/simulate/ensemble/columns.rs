//! Rows of lanes turned into a column per lane, and back.
//!
//! What the lanes compute stands row by row, one value per lane; what one lane remembers stands side by side. Turned in
//! blocks of eight rows and eight lanes with AVX-512, otherwise value by value.

use super::lanes::Lanes;

/// Rows and lanes of a block.
const BLOCK: usize = 8;

/// Whether to go by blocks: without optimisation every vector instruction is a call.
const BY_BLOCKS: bool = !cfg!(debug_assertions);

/// Copies `rows` to the columns of the lanes, from `at` on in each column of length `stride`.
pub(super) fn turn<const W: usize>(
    rows: &[Lanes<W>],
    columns: &mut [f64],
    stride: usize,
    at: usize,
) {
    turn_some(rows, columns, (stride, at), BY_BLOCKS);
}

fn turn_some<const W: usize>(
    rows: &[Lanes<W>],
    columns: &mut [f64],
    (stride, at): (usize, usize),
    by_blocks: bool,
) {
    if rows.is_empty() {
        return;
    }
    let turned = if by_blocks {
        blocks::turn(rows, columns, stride, at)
    } else {
        0
    };
    for (lane, column) in columns.chunks_exact_mut(stride).enumerate() {
        for (value, row) in column[at + turned..].iter_mut().zip(&rows[turned..]) {
            *value = row.0[lane];
        }
    }
}

/// Copies columns of a length to `rows`, of those lanes that are `chosen`.
pub(super) fn turn_back<const W: usize>(
    columns: &[f64],
    chosen: &[bool; W],
    rows: &mut [Lanes<W>],
) {
    turn_some_back(columns, chosen, rows, BY_BLOCKS);
}

fn turn_some_back<const W: usize>(
    columns: &[f64],
    chosen: &[bool; W],
    rows: &mut [Lanes<W>],
    by_blocks: bool,
) {
    let stride = rows.len();
    if stride == 0 {
        return;
    }
    let turned = if by_blocks {
        blocks::turn_back(columns, chosen, rows)
    } else {
        0
    };
    for (lane, column) in columns.chunks_exact(stride).enumerate() {
        if chosen[lane] {
            for (value, row) in column[turned..].iter().zip(&mut rows[turned..]) {
                row.0[lane] = *value;
            }
        }
    }
}

/// By blocks; how many rows were turned.
#[cfg(target_arch = "x86_64")]
mod blocks {
    use super::{BLOCK, Lanes};
    use pulp::x86::V4;
    use std::arch::x86_64::__m512d;

    struct Turn<'a, const W: usize> {
        machine: V4,
        rows: &'a [Lanes<W>],
        columns: &'a mut [f64],
        stride: usize,
        at: usize,
    }

    impl<const W: usize> pulp::NullaryFnOnce for Turn<'_, W> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            for (block, rows) in self.rows.chunks_exact(BLOCK).enumerate() {
                let first = self.at + BLOCK * block;
                let rows = std::array::from_fn(|i| vector(&rows[i].0));
                let turned = turn_block(self.machine, rows);
                for (column, values) in self.columns.chunks_exact_mut(self.stride).zip(turned) {
                    let values: [f64; BLOCK] = pulp::cast(values);
                    column[first..first + BLOCK].copy_from_slice(&values);
                }
            }
        }
    }

    struct TurnBack<'a, const W: usize> {
        machine: V4,
        columns: &'a [f64],
        mask: u8,
        rows: &'a mut [Lanes<W>],
    }

    impl<const W: usize> pulp::NullaryFnOnce for TurnBack<'_, W> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let stride = self.rows.len();
            for (block, rows) in self.rows.chunks_exact_mut(BLOCK).enumerate() {
                let first = BLOCK * block;
                let columns = std::array::from_fn(|lane| {
                    let column = &self.columns[lane * stride..][..stride];
                    vector(&column[first..first + BLOCK])
                });
                let turned = turn_block(self.machine, columns);
                for (row, values) in rows.iter_mut().zip(turned) {
                    let old = vector(&row.0);
                    let avx = self.machine.avx512f;
                    let new = avx._mm512_mask_blend_pd(self.mask, old, values);
                    let new: [f64; BLOCK] = pulp::cast(new);
                    row.0[..BLOCK].copy_from_slice(&new);
                }
            }
        }
    }

    #[inline(always)]
    fn vector(values: &[f64]) -> __m512d {
        let mut eight = [0.0; BLOCK];
        eight.copy_from_slice(&values[..BLOCK]);
        pulp::cast(eight)
    }

    /// Turns a block of eight vectors. No closures: they would not be compiled for the machine.
    #[inline(always)]
    fn turn_block(machine: V4, rows: [__m512d; BLOCK]) -> [__m512d; BLOCK] {
        let avx = machine.avx512f;
        let [a, b, c, d, e, f, g, h] = rows;
        let [r0, r2, r4, r6] = turn_pairs(
            machine,
            avx._mm512_unpacklo_pd(a, b),
            avx._mm512_unpacklo_pd(c, d),
            avx._mm512_unpacklo_pd(e, f),
            avx._mm512_unpacklo_pd(g, h),
        );
        let [r1, r3, r5, r7] = turn_pairs(
            machine,
            avx._mm512_unpackhi_pd(a, b),
            avx._mm512_unpackhi_pd(c, d),
            avx._mm512_unpackhi_pd(e, f),
            avx._mm512_unpackhi_pd(g, h),
        );
        [r0, r1, r2, r3, r4, r5, r6, r7]
    }

    /// Turns a block of four vectors of four pairs each.
    #[inline(always)]
    fn turn_pairs(machine: V4, p: __m512d, q: __m512d, r: __m512d, s: __m512d) -> [__m512d; 4] {
        let avx = machine.avx512f;
        let even = avx._mm512_shuffle_f64x2::<0x88>(p, q);
        let odd = avx._mm512_shuffle_f64x2::<0xdd>(p, q);
        let even_too = avx._mm512_shuffle_f64x2::<0x88>(r, s);
        let odd_too = avx._mm512_shuffle_f64x2::<0xdd>(r, s);
        [
            avx._mm512_shuffle_f64x2::<0x88>(even, even_too),
            avx._mm512_shuffle_f64x2::<0x88>(odd, odd_too),
            avx._mm512_shuffle_f64x2::<0xdd>(even, even_too),
            avx._mm512_shuffle_f64x2::<0xdd>(odd, odd_too),
        ]
    }

    pub fn turn<const W: usize>(
        rows: &[Lanes<W>],
        columns: &mut [f64],
        stride: usize,
        at: usize,
    ) -> usize {
        match V4::try_new() {
            Some(machine) if W == BLOCK => {
                machine.vectorize(Turn {
                    machine,
                    rows,
                    columns,
                    stride,
                    at,
                });
                rows.len() / BLOCK * BLOCK
            }
            _ => 0,
        }
    }

    pub fn turn_back<const W: usize>(
        columns: &[f64],
        chosen: &[bool; W],
        rows: &mut [Lanes<W>],
    ) -> usize {
        match V4::try_new() {
            Some(machine) if W == BLOCK => {
                let bits = chosen.iter().rev();
                let mask = bits.fold(0, |mask, chosen| (mask << 1) | u8::from(*chosen));
                let count = rows.len() / BLOCK * BLOCK;
                machine.vectorize(TurnBack {
                    machine,
                    columns,
                    mask,
                    rows,
                });
                count
            }
            _ => 0,
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod blocks {
    use super::Lanes;

    pub fn turn<const W: usize>(_: &[Lanes<W>], _: &mut [f64], _: usize, _: usize) -> usize {
        0
    }

    pub fn turn_back<const W: usize>(_: &[f64], _: &[bool; W], _: &mut [Lanes<W>]) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of rows around a block, at two widths, by blocks and without.
    #[test]
    fn columns_hold_what_the_rows_do() {
        for by_blocks in [true, false] {
            there_and_back::<BLOCK>(by_blocks);
            there_and_back::<4>(by_blocks);
        }
    }

    fn there_and_back<const W: usize>(by_blocks: bool) {
        let value = |row: usize, lane: usize| (100 * row + lane) as f64;
        for count in 0..20 {
            let rows: Vec<Lanes<W>> = (0..count)
                .map(|row| Lanes(std::array::from_fn(|lane| value(row, lane))))
                .collect();
            let stride = count + 3;
            let mut columns = vec![-1.0; W * stride];
            turn_some(&rows, &mut columns, (stride, 2), by_blocks);
            for (lane, column) in columns.chunks(stride).enumerate() {
                let expected: Vec<f64> = (0..count).map(|row| value(row, lane)).collect();
                assert_eq!(column[..2], [-1.0; 2]);
                assert_eq!(column[2..2 + count], expected);
                assert_eq!(column[2 + count..], [-1.0]);
            }
            let columns: Vec<f64> = (0..W * count).map(|at| at as f64).collect();
            let chosen: [bool; W] = std::array::from_fn(|lane| lane % 3 == 1);
            let mut back = rows.clone();
            turn_some_back(&columns, &chosen, &mut back, by_blocks);
            for (i, (now, before)) in back.iter().zip(&rows).enumerate() {
                for (lane, chosen) in chosen.iter().enumerate() {
                    let own = if *chosen {
                        (lane * count + i) as f64
                    } else {
                        before.0[lane]
                    };
                    assert_eq!(now.0[lane].to_bits(), own.to_bits());
                }
            }
        }
    }
}
