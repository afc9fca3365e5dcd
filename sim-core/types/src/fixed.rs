//! Binary fixed point.
