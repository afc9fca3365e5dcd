//! Floats taken apart.

/// The sign and `|x| * 2^frac` rounded to nearest, ties to even (`None` inside if 128 bits do
/// not hold it); `None` for a NaN.
pub(super) fn magnitude(x: f64, frac: u32) -> Option<(bool, Option<u128>)> {
    if x.is_nan() {
        return None;
    }
    let negative = x.is_sign_negative();
    if x.is_infinite() {
        return Some((negative, None));
    }
    let bits = x.to_bits();
    let stored = (bits >> 52) & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    // Subnormals have exponent 1 and no implicit leading bit.
    let mantissa = u128::from(if stored == 0 { fraction } else { fraction | (1 << 52) });
    let exponent = i32::try_from(stored.max(1)).expect("11 bits") - 1075;
    let shift = exponent + i32::try_from(frac).expect("at most 64 fraction bits");
    Some((negative, shifted(mantissa, shift)))
}

/// `mantissa * 2^shift`, to nearest, ties to even.
fn shifted(mantissa: u128, shift: i32) -> Option<u128> {
    let by = shift.unsigned_abs();
    if shift >= 0 {
        return if mantissa == 0 {
            Some(0)
        } else if mantissa.leading_zeros() < by {
            None
        } else {
            Some(mantissa << by)
        };
    }
    if by > 54 {
        return Some(0);
    }
    let (int, rest, half) = (mantissa >> by, mantissa & ((1 << by) - 1), 1 << (by - 1));
    Some(int + u128::from(rest > half || (rest == half && int & 1 == 1)))
}
