//! Interchange: the model in the formats of other tools, made from the equations themselves.
//!
//! * [`Symbol`] and [`Graph`]: the right-hand side as expressions.
//! * [`Equations`]: these expressions with a name and a unit for everything.
//! * [`sbml`]: Systems Biology Markup Language, Level 3 Version 2.

mod background;
mod dimension;
mod equations;
mod events;
mod sbml;
mod symbol;
mod xml;

pub use background::Background;
pub use dimension::{Unit, Units};
pub use equations::{Definition, Equations, Input, Parameter, Quantity, Rate};
pub use events::{Jump, Update, jumps};
pub use sbml::sbml;
pub use symbol::{Graph, Leaf, Node, Symbol};
