//! Named fields for states and parameters, written once per block.
//!
//! `states!` declares the states of a block with their column name and unit; `parameters!`
//! declares its parameters with key, unit and physical domain. Both make plain structs over any
//! [`Number`](super::Number), so that equations read by name and no index is counted by hand.

/// Name and unit of a state or an output column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Column name.
    pub name: &'static str,
    /// Unit; `1` for quantities relative to the untreated tumour.
    pub unit: &'static str,
    /// What it is.
    pub meaning: &'static str,
}

/// Where a parameter stands and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterField<'a> {
    /// Table in the parameter file, such as `hif`.
    pub block: &'a str,
    /// Key in that table.
    pub name: &'static str,
    /// Internal unit; `burden` stands for the setting's unit of burden.
    pub unit: &'static str,
    /// What it is; empty where the name says it.
    pub meaning: &'static str,
}

impl ParameterField<'_> {
    /// Path in the merged parameter table, such as `hif.hif1a_loss`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.block, self.name)
    }
}

macro_rules! states {
    ($(#[$meta:meta])* $name:ident {
        $( $(#[doc = $doc:literal])+ $field:ident : $column:literal [$unit:literal] ),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name<T> { $( $(#[doc = $doc])+ pub $field: T, )+ }

        impl $name<f64> {
            /// Column names and units, in order.
            pub const FIELDS: &'static [$crate::model::Field] =
                &[$( $crate::model::Field {
                    name: $column,
                    unit: $unit,
                    meaning: concat!($($doc),+).trim_ascii_start(),
                } ),+];
            /// Number of states.
            pub const LEN: usize = Self::FIELDS.len();
        }

        impl<T: Copy> $name<T> {
            /// Takes the states from an iterator in the order of the fields.
            pub(crate) fn take(values: &mut impl FnMut() -> T) -> Self {
                Self { $( $field: values() ),+ }
            }

            /// Hands the states out in the order of the fields.
            pub(crate) fn give(&self, put: &mut impl FnMut(T)) {
                $( put(self.$field); )+
            }
        }
    };
}

macro_rules! parameters {
    ($(#[$meta:meta])* $name:ident in $prefix:literal {
        $( $(#[doc = $doc:literal])+ $field:ident : $unit:literal $domain:ident ),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name<T> { $( $(#[doc = $doc])+ pub $field: T, )+ }

        impl $name<f64> {
            /// Reads the parameters of this block in internal units.
            ///
            /// # Errors
            /// A missing or unknown number, a wrong dimension or an impossible value.
            pub fn read(reader: &$crate::parameters::Reader<'_>) -> $crate::Result<Self> {
                Self::read_at(reader, $prefix)
            }

            /// Like `read`, below another prefix.
            ///
            /// # Errors
            /// As `read`.
            pub fn read_at(reader: &$crate::parameters::Reader<'_>, prefix: &str) -> $crate::Result<Self> {
                Ok(Self { $(
                    $field: reader.read(
                        &format!("{prefix}.{}", stringify!($field)),
                        $unit,
                        $crate::parameters::Domain::$domain,
                    )?,
                )+ })
            }
        }

        impl<T: Copy> $name<T> {
            /// The same parameters in another number type, made from the name and value of each.
            pub fn map_named<U>(
                &self,
                f: &mut impl FnMut(&$crate::model::ParameterField<'_>, T) -> U,
            ) -> $name<U> {
                self.map_named_at($prefix, f)
            }

            /// Like `map_named`, below another prefix.
            pub fn map_named_at<U>(
                &self,
                block: &str,
                f: &mut impl FnMut(&$crate::model::ParameterField<'_>, T) -> U,
            ) -> $name<U> {
                $name { $( $field: f(
                    &$crate::model::ParameterField {
                        block,
                        name: stringify!($field),
                        unit: $unit,
                        meaning: concat!($($doc),+).trim_ascii_start(),
                    },
                    self.$field,
                ) ),+ }
            }
        }
    };
}

pub(crate) use {parameters, states};
