//! Shares by the flow of TAO into subnets.
//!
//! After `coinbase/subnet_emissions.rs` of opentensor/subtensor v3.2.16-349 (users' flow) and
//! v3.4.0-411 (less the protocol's own):
//!
//! | rule | |
//! |---|---|
//! | R1 | S <- (1 - f) S + f (staked - unstaked) each block, from zero |
//! | R2 | P likewise, of what the protocol injects and buys less what it sells |
//! | R3 | net: S - v P for P > 0, S - P else, with v = min(1, sum of positive S / sum of positive P) |
//! | R4 | z = S - L above the limit L = max(cutoff, min(least S, 0)), else 0 |
//! | R5 | share = z^p / sum z^p ([`super::power`]) |

use serde::{Deserialize, Serialize};
use sim_types::fixed::{I64F64, U64F64};

use super::power::power_shares;

/// f in units of 1 / (2^63 - 1): a half-life of 216,000 blocks (30 days).
pub const SMOOTHING: u64 = 29_597_889_189_277;

/// A subnet's flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// R1's S, rao.
    pub user: I64F64,
    /// R2's P, rao.
    pub protocol: I64F64,
    /// Users' net flow since the last block, rao.
    pub user_now: i64,
    /// The protocol's, rao.
    pub protocol_now: i64,
}

/// Parameters of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowParams {
    /// f, as a stored integer; see [`SMOOTHING`].
    pub smoothing: u64,
    /// L's floor, rao.
    pub cutoff: I64F64,
    /// p.
    pub exponent: U64F64,
}

impl Default for FlowParams {
    fn default() -> Self {
        Self { smoothing: SMOOTHING, cutoff: I64F64::ZERO, exponent: U64F64::ONE }
    }
}

impl FlowParams {
    /// f as a fraction.
    #[must_use]
    pub fn factor(&self) -> I64F64 {
        I64F64::from(self.smoothing).safe_div(I64F64::from(i64::MAX.unsigned_abs()))
    }
}

impl Flow {
    /// TAO that users staked (positive) or took out.
    pub const fn record_user(&mut self, rao: i64) {
        self.user_now = self.user_now.saturating_add(rao);
    }

    /// TAO that the protocol put in (positive) or took out.
    pub const fn record_protocol(&mut self, rao: i64) {
        self.protocol_now = self.protocol_now.saturating_add(rao);
    }

    /// R1, and R2 where `net`: the block ends. Until net flow came the protocol's was not kept.
    #[inline]
    pub fn close_block(&mut self, factor: I64F64, net: bool) {
        self.user = next(self.user, self.user_now, factor);
        self.user_now = 0;
        if net {
            self.protocol = next(self.protocol, self.protocol_now, factor);
        }
        self.protocol_now = 0;
    }
}

#[inline]
fn next(average: I64F64, flow: i64, factor: I64F64) -> I64F64 {
    let flow = I64F64::saturating_from_int(flow.into());
    I64F64::ONE
        .saturating_sub(factor)
        .saturating_mul(average)
        .saturating_add(factor.saturating_mul(flow))
}

/// R3 to R5 over the flows of all subnets that take part.
pub fn shares<'a>(
    flows: impl Iterator<Item = &'a Flow> + Clone,
    net: bool,
    params: &FlowParams,
    shares: &mut Vec<U64F64>,
) {
    let positive = |x: I64F64| x.max(I64F64::ZERO);
    let factor = if net {
        let users: I64F64 = flows.clone().map(|f| positive(f.user)).sum();
        let protocol: I64F64 = flows.clone().map(|f| positive(f.protocol)).sum();
        users.safe_div(protocol).min(I64F64::ONE)
    } else {
        I64F64::ZERO
    };
    let demand = |flow: &Flow| match flow.protocol {
        _ if !net => flow.user,
        cost if cost > I64F64::ZERO => flow.user.saturating_sub(factor.saturating_mul(cost)),
        gain => flow.user.saturating_sub(gain),
    };
    // Demands have signs: their bits wait in the shares until the least is known.
    let mut least = I64F64::ZERO;
    shares.clear();
    shares.extend(flows.map(|flow| {
        let demand = demand(flow);
        least = least.min(demand);
        U64F64::from_bits(demand.to_bits().cast_unsigned())
    }));
    let limit = params.cutoff.max(least);
    for share in &mut *shares {
        let demand = I64F64::from_bits(share.to_bits().cast_signed());
        *share =
            if demand > limit { U64F64::from(demand.saturating_sub(limit)) } else { U64F64::ZERO };
    }
    power_shares(shares, params.exponent);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(user: i64, protocol: i64) -> Flow {
        let fixed = |x: i64| I64F64::saturating_from_int(x.into());
        Flow { user: fixed(user), protocol: fixed(protocol), ..Flow::default() }
    }

    fn of(flows: &[Flow], net: bool, params: &FlowParams) -> Vec<f64> {
        let mut out = Vec::new();
        shares(flows.iter(), net, params, &mut out);
        out.into_iter().map(U64F64::to_f64).collect()
    }

    fn near(got: &[f64], want: &[f64]) {
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn users_flow() {
        let params = FlowParams::default();
        let tao = 1_000_000_000;
        near(&of(&[flow(tao, 0), flow(3 * tao, 0)], false, &params), &[0.25, 0.75]);
        // An outflow counts as none, and lifts nobody, with the cutoff at zero.
        near(&of(&[flow(-tao, 0), flow(3 * tao, 0)], false, &params), &[0.0, 1.0]);
        near(&of(&[flow(-tao, 0), flow(0, 0)], false, &params), &[0.0, 0.0]);
        near(&of(&[], false, &params), &[]);
        // A cutoff below counts from the least.
        let lower = FlowParams { cutoff: I64F64::saturating_from_int(-2_000_000_000), ..params };
        near(&of(&[flow(-tao, 0), flow(tao, 0)], false, &lower), &[0.0, 1.0]);
        // The library's 30 terms of an exponential near 20 leave half a percent out.
        let square = FlowParams { exponent: U64F64::from(2), ..params };
        let shares = of(&[flow(tao, 0), flow(3 * tao, 0)], false, &square);
        assert!((shares[0] - 0.1).abs() < 1e-3 && (shares[1] - 0.9).abs() < 1e-3, "{shares:?}");
    }

    #[test]
    fn net_flow() {
        let params = FlowParams::default();
        let tao = 1_000_000_000;
        // v = min(1, 4 / 8): demands 2 - 4/2 = 0 and 2 - 4/2 = 0.
        near(&of(&[flow(2 * tao, 4 * tao), flow(2 * tao, 4 * tao)], true, &params), &[0.0, 0.0]);
        // v = min(1, 6 / 2): demands 2 - 2 and 4; a drain counts in full: 4 + 2.
        near(&of(&[flow(3 * tao, 2 * tao), flow(3 * tao, 0)], true, &params), &[0.25, 0.75]);
        near(&of(&[flow(2 * tao, 0), flow(4 * tao, -2 * tao)], true, &params), &[0.25, 0.75]);
    }

    /// The half-life that the constant is named for.
    #[test]
    fn averages_halve_in_a_month() {
        let factor = FlowParams::default().factor();
        let mut at = flow(1_000_000_000_000, 0);
        for _ in 0..216_000 {
            at.close_block(factor, false);
        }
        assert!((at.user.to_f64() / 1e12 - 0.5).abs() < 1e-4, "{}", at.user);
        at.record_user(5);
        at.record_protocol(7);
        at.close_block(factor, true);
        assert_eq!((at.user_now, at.protocol_now), (0, 0));
        assert!(at.protocol > I64F64::ZERO);
    }
}
