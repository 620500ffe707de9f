//! Interchange: the model in the formats of other tools, made from the equations themselves.
//!
//! * [`Symbol`] and [`Graph`]: the right-hand side as expressions.
//! * [`Equations`]: these expressions with a name and a unit for everything.
//! * [`DataSet`]: NONMEM-style dosing records in, answers out.
//! * [`sbml()`]: Systems Biology Markup Language, Level 3 Version 2; [`antimony()`]: the same for reading.
//! * [`petab()`]: a calibration as a PEtab problem.
//! * [`markdown()`] and [`latex()`]: equations and parameters as a page.

mod antimony;
mod background;
mod dataset;
mod dimension;
mod equations;
mod events;
mod infix;
mod listing;
mod petab;
mod sbml;
mod symbol;
mod xml;

pub use antimony::antimony;
pub use background::Background;
pub use dataset::{AnswerColumn, DataSet, Reading};
pub use dimension::{Unit, Units};
pub use equations::{Definition, Equations, Input, Parameter, Quantity, Rate};
pub use events::{Jump, NEGLIGIBLE, Update, jumps};
pub use infix::{Style, infix};
pub use listing::{latex, markdown, reference_page};
pub use petab::petab;
pub use sbml::sbml;
pub use symbol::{Graph, Leaf, Node, Symbol};
