//! What is measured, in whole numbers and exact sums; means are taken when they are read.

mod busy;
mod histogram;
mod levels;
mod tally;

pub use busy::BusyPeriods;
pub use histogram::Histogram;
pub use levels::Levels;
pub use tally::Tally;
