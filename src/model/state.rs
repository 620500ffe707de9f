//! The whole state: every block's states under their names, as one vector for the integrator.

use super::angiogenesis::Vasculature;
use super::effectors::Effectors;
use super::exposure::SorafenibAmounts;
use super::fields::Field;
use super::hif::HifLevels;
use super::partner::PartnerAmounts;
use super::signalling::Adaptation;
use super::tumour::Tumour;
use std::sync::LazyLock;

/// Number of partner drugs that can be given together with sorafenib.
pub const PARTNER_SLOTS: usize = 2;

/// Number of states.
pub const STATES: usize = SorafenibAmounts::LEN
    + PARTNER_SLOTS * PartnerAmounts::LEN
    + Vasculature::LEN
    + 1
    + HifLevels::LEN
    + Adaptation::LEN
    + Effectors::LEN
    + Tumour::LEN;

/// All states of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct State<T> {
    /// Sorafenib amounts.
    pub sorafenib: SorafenibAmounts<T>,
    /// Partner amounts per slot.
    pub partners: [PartnerAmounts<T>; PARTNER_SLOTS],
    /// VEGF and vessels.
    pub vasculature: Vasculature<T>,
    /// Tumour pO2, mmHg.
    pub oxygen: T,
    /// HIF levels and regulator.
    pub hif: HifLevels<T>,
    /// Adaptive signalling.
    pub adaptation: Adaptation<T>,
    /// Effector signals.
    pub effectors: Effectors<T>,
    /// Cells and metastases.
    pub tumour: Tumour<T>,
}

impl State<f64> {
    /// Column names and units, in the order of [`State::to_array`].
    pub fn fields() -> &'static [Field] {
        static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
            let partner = |slot: usize, field: &Field| Field {
                // Two slots and three names: leaked once per process.
                name: Box::leak(format!("partner{slot}_{}", field.name).into_boxed_str()),
                unit: field.unit,
                meaning: field.meaning,
            };
            let mut fields = SorafenibAmounts::FIELDS.to_vec();
            for slot in 1..=PARTNER_SLOTS {
                fields.extend(PartnerAmounts::FIELDS.iter().map(|f| partner(slot, f)));
            }
            fields.extend_from_slice(Vasculature::FIELDS);
            fields.push(Field {
                name: "pO2_mmHg",
                unit: "mmHg",
                meaning: "Tumour pO2, O",
            });
            fields.extend_from_slice(HifLevels::FIELDS);
            fields.extend_from_slice(Adaptation::FIELDS);
            fields.extend_from_slice(Effectors::FIELDS);
            fields.extend_from_slice(Tumour::FIELDS);
            fields
        });
        &FIELDS
    }
}

impl<T: Copy> State<T> {
    /// The state from a vector in the order of [`State::fields`].
    pub fn from_array(values: &[T; STATES]) -> Self {
        let mut at = 0;
        let mut next = || {
            at += 1;
            values[at - 1]
        };
        Self {
            sorafenib: SorafenibAmounts::take(&mut next),
            partners: std::array::from_fn(|_| PartnerAmounts::take(&mut next)),
            vasculature: Vasculature::take(&mut next),
            oxygen: next(),
            hif: HifLevels::take(&mut next),
            adaptation: Adaptation::take(&mut next),
            effectors: Effectors::take(&mut next),
            tumour: Tumour::take(&mut next),
        }
    }

    /// The state as a vector in the order of [`State::fields`].
    pub fn to_array(&self) -> [T; STATES] {
        let mut values = [self.oxygen; STATES];
        let mut at = 0;
        let mut put = |value| {
            values[at] = value;
            at += 1;
        };
        self.sorafenib.give(&mut put);
        for partner in &self.partners {
            partner.give(&mut put);
        }
        self.vasculature.give(&mut put);
        put(self.oxygen);
        self.hif.give(&mut put);
        self.adaptation.give(&mut put);
        self.effectors.give(&mut put);
        self.tumour.give(&mut put);
        values
    }

    /// The same state in another number type.
    pub fn map<U: Copy>(&self, f: impl FnMut(T) -> U) -> State<U> {
        State::from_array(&self.to_array().map(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_and_names_agree() {
        let values: [f64; STATES] = std::array::from_fn(|i| i as f64);
        let state = State::from_array(&values);
        assert_eq!(state.to_array().map(f64::to_bits), values.map(f64::to_bits));
        let fields = State::fields();
        assert_eq!(fields.len(), STATES);
        let at = |name: &str| fields.iter().position(|f| f.name == name).expect(name) as f64;
        assert!((state.hif.hif2a - at("HIF2A")).abs() < 1e-12);
        assert!((state.oxygen - at("pO2_mmHg")).abs() < 1e-12);
        assert!((state.partners[1].central - at("partner2_central_mg")).abs() < 1e-12);
        assert!((state.tumour.metastases - at("metastases")).abs() < 1e-12);
    }
}
