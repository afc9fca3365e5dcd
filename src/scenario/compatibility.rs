//! Which choices of the six stages go together, and why not.
//!
//! | choice | with | verdict |
//! |---|---|---|
//! | any market | no provider | error: nobody works |
//! | `validator_dispatch` | no validator | error: jobs travel through validators |
//! | `yuma` | no validator | error: there is nobody whose weights could agree |
//! | `yuma` | only validators that copy | error: there is nothing to copy |
//! | `scoring`, `spot_check` | no validator | error: nobody verifies anybody but itself |
//! | `redundancy` | fewer providers than replicas | error: no job ever gets all its answers |
//! | `redundancy` | 2 replicas | warning: two cannot form a majority |
//! | `yuma` | `none` | warning: all who answer score alike, so consensus rewards trust |
//! | `yuma` | `posted_price` | warning: no probes, so weights see only what users asked for |
//! | `yuma` | mechanisms that leave out a group of providers | warning: it earns nothing |
//! | other rewards | `weights:` | warning: nobody reads them |
//! | any reward | no emission | warning: nothing is paid |
//! | any reward | a period beyond the horizon | warning: no period closes |
//! | `resolution: aggregate` | anything but `dtao`, `validator_dispatch`, `scoring`; faults | error: it draws what those show |
//! | a price | users without funds | warning: nobody can pay |
//! | a model | hardware without room | error if none has room, warning if some have |

use mechanisms::market::MarketSpec;
use mechanisms::reward::{RewardSpec, yuma};
use mechanisms::verification::VerificationSpec;
use mechanisms::weights::WeightsSpec;
use sim_types::{Amount, HardwareProfile};

use super::population::provider_groups;
use super::raw::{Emission, Scenario};
use super::resolve::Resolver;
use super::typed::join;
use crate::diagnose::{Code, Diagnostic, list, quoted};
use crate::plan::Role;

/// Reports what does not go together.
pub(super) fn check(raw: &Scenario, hardware: &[HardwareProfile], r: &mut Resolver<'_>) {
    let count = |role: Role| -> u64 {
        raw.population
            .0
            .iter()
            .filter(|(_, g)| g.role == role)
            .map(|(_, g)| u64::from(g.count))
            .sum()
    };
    let (validators, providers) = (count(Role::Validator), count(Role::Provider));
    // A group without members is a mistake of its own, reported elsewhere.
    let any = |role: Role| raw.population.0.iter().any(|(_, g)| g.role == role);
    let mut refuse = |path: &str, message: &str, expected: &str, help: &str| {
        let item = Diagnostic::error(Code::Incompatible, message).expected(expected).help(help);
        r.error(path, &["population"], item);
    };
    if !any(Role::Provider) {
        refuse(
            "population",
            "nobody in the population works",
            "a group with `role: provider`",
            "add `miners: { role: provider, count: 10, hardware: rtx_4090 }`",
        );
    }
    if !any(Role::Validator) {
        let add = "add `validators: { role: validator, count: 4, stake: 1000 TAO, hardware: a100_sxm }` to the population";
        if let MarketSpec::ValidatorDispatch(_) = raw.market {
            refuse(
                "market",
                "`validator_dispatch` sends jobs through validators, and there is none",
                "a group with `role: validator`, or another market",
                add,
            );
        }
        if let RewardSpec::Yuma(_) = raw.reward {
            refuse(
                "reward",
                "`yuma` is a consensus of validators, and there is none",
                "a group with `role: validator`, or another reward",
                add,
            );
        }
        if let VerificationSpec::Scoring(_) | VerificationSpec::SpotCheck(_) = raw.verification {
            refuse(
                "verification",
                &format!(
                    "`{}` needs validators to verify, and there is none",
                    raw.verification.name()
                ),
                "a group with `role: validator`, or `none` or `redundancy`",
                add,
            );
        }
    }
    aggregate(raw, r);
    redundancy(raw, providers, r);
    yuma(raw, validators, r);
    money(raw, r);
    room(raw, hardware, r);
}

/// The aggregate resolution follows what it knows the distributions of.
fn aggregate(raw: &Scenario, r: &mut Resolver<'_>) {
    if raw.resolution.is_detailed() {
        return;
    }
    let mut refuse = |path: &str, found: &str, expected: &str| {
        let message = format!("`resolution: aggregate` does not follow {}", quoted(found));
        let item = Diagnostic::error(Code::Incompatible, message)
            .expected(expected)
            .help("or `resolution: detailed`");
        r.error(path, &["resolution"], item);
    };
    if !matches!(raw.emission, Emission::Dtao(_)) {
        refuse("emission", "emission.per_block", "an economy, `emission: { dtao: … }`");
    }
    if !matches!(raw.market, MarketSpec::ValidatorDispatch(_)) {
        refuse("market", raw.market.name(), "`validator_dispatch`, whose probes it draws");
    }
    if !matches!(raw.verification, VerificationSpec::Scoring(_)) {
        refuse("verification", raw.verification.name(), "`scoring`, whose scores it draws");
    }
    if !raw.faults.is_empty() {
        refuse("faults", "faults", "no faults: machines do not appear in it");
    }
}

fn redundancy(raw: &Scenario, providers: u64, r: &mut Resolver<'_>) {
    let VerificationSpec::Redundancy(params) = &raw.verification else { return };
    let path = "verification.redundancy.replicas";
    if providers > 0 && u64::from(params.replicas) > providers {
        let message = format!(
            "`redundancy` wants {} providers on each job, and a subnet has {providers}",
            params.replicas
        );
        let item = Diagnostic::error(Code::Incompatible, message)
            .found(quoted(&params.replicas.to_string()))
            .expected(format!("at most {providers}"))
            .help("lower `replicas`, or add providers");
        r.error(path, &["population"], item);
    }
    if params.replicas == 2 {
        let item = Diagnostic::warning(
            Code::Incompatible,
            "two answers that differ have no majority: the tie is settled by fingerprint",
        )
        .help("use an odd number of replicas");
        r.warn(path, item);
    }
}

fn yuma(raw: &Scenario, validators: u64, r: &mut Resolver<'_>) {
    let RewardSpec::Yuma(params) = &raw.reward else {
        for (name, group) in &raw.population.0 {
            if group.weights.is_some() && group.role == Role::Validator {
                let message = format!(
                    "the reward `{}` reads no weights: these are without effect",
                    raw.reward.name()
                );
                r.warn(
                    &format!("population.{name}.weights"),
                    Diagnostic::warning(Code::Incompatible, message),
                );
            }
        }
        return;
    };
    mechanisms(raw, params, r);
    let copies = |g: &super::raw::Group| g.weights.as_ref().is_some_and(WeightsSpec::only_copies);
    let mut of_role = raw.population.0.iter().filter(|(_, g)| g.role == Role::Validator);
    if validators > 0 && of_role.clone().all(|(_, g)| copies(g)) {
        let path = of_role.next().map(|(name, _)| format!("population.{name}.weights"));
        let item = Diagnostic::error(
            Code::Incompatible,
            "every validator copies: there is nothing to copy",
        )
        .expected("a group of validators with weights of its own")
        .help("give one group `weights: { moving_average: {} }`");
        r.error(&path.unwrap_or_default(), &["population"], item);
    }
    if let VerificationSpec::None(_) = raw.verification {
        let item = Diagnostic::warning(
            Code::Incompatible,
            "`yuma` agrees on scores, and `none` gives only trust: all who answer score alike",
        )
        .help("use `scoring` or `spot_check` to tell good work from bad");
        r.warn("verification", item);
    }
    if let MarketSpec::PostedPrice(_) = raw.market {
        let item = Diagnostic::warning(
            Code::Incompatible,
            "`posted_price` sends no probes: validators see only providers that users asked",
        )
        .help("use `validator_dispatch` for probes of every provider in every period");
        r.warn("market", item);
    }
    if validators > u64::from(params.max_validators) {
        let message = format!(
            "{validators} validators share {} permits: those with less stake have no say",
            params.max_validators
        );
        r.warn("reward.yuma.max_validators", Diagnostic::warning(Code::Incompatible, message));
    }
}

/// Every mechanism weighs somebody; whom none weighs earns nothing.
fn mechanisms(raw: &Scenario, params: &yuma::Params, r: &mut Resolver<'_>) {
    for (index, mechanism) in params.mechanisms.iter().enumerate() {
        let path = format!("reward.yuma.mechanisms.{index}.weighs");
        let named = !mechanism.weighs.is_empty();
        r.unless(named, &path, "no group", "at least one group with `role: provider`");
        provider_groups(raw, &path, &mechanism.weighs, r);
    }
    let weighed = |name: &String| params.mechanisms.iter().any(|m| m.weighs.contains(name));
    for (name, group) in &raw.population.0 {
        if !params.mechanisms.is_empty() && group.role == Role::Provider && !weighed(name) {
            let message = format!("no mechanism weighs {}: its members earn nothing", quoted(name));
            let item = Diagnostic::warning(Code::Incompatible, message)
                .help("name it under `weighs` of a mechanism");
            r.warn(&format!("population.{name}"), item);
        }
    }
}

fn money(raw: &Scenario, r: &mut Resolver<'_>) {
    let nothing = matches!(raw.emission, Emission::PerBlock(Amount::ZERO));
    if nothing && raw.changes.is_empty() {
        let item = Diagnostic::warning(
            Code::Incompatible,
            format!("there is no emission: `{}` has nothing to pay out", raw.reward.name()),
        )
        .help("add `emission: { per_block: 1 TAO }`");
        r.warn("reward", item);
    }
    let period = raw.reward.epoch_length(raw.settlement.block_interval());
    if period >= raw.horizon {
        let item = Diagnostic::warning(
            Code::Incompatible,
            format!(
                "a period of the reward lasts {period}: none closes before the horizon, {}",
                raw.horizon
            ),
        )
        .help("raise `horizon`, or shorten the period");
        r.warn("reward", item);
    }
    let price = match &raw.market {
        MarketSpec::PostedPrice(p) => p.price_per_million_tokens,
        MarketSpec::ValidatorDispatch(p) => p.price_per_million_tokens,
    };
    if price > Amount::ZERO && raw.users.funds == Amount::ZERO {
        let item =
            Diagnostic::warning(Code::Incompatible, "work has a price and the users have no money")
                .help("add `users: { funds: 1000 TAO }`");
        r.warn("market", item);
    }
}

/// Whether the machines of providers can hold the model.
fn room(raw: &Scenario, hardware: &[HardwareProfile], r: &mut Resolver<'_>) {
    let refused: Vec<_> =
        hardware.iter().filter_map(|p| raw.execution.supports(p).err().map(|e| (p, e))).collect();
    let Some((_, first)) = refused.first() else { return };
    let path = join(&join("execution", raw.execution.name()), first.field);
    let names = list(refused.iter().map(|(p, _)| p.name.as_str()));
    if refused.len() == hardware.len() {
        let item = Diagnostic::error(Code::Incompatible, "no machine of the population can serve")
            .found(&first.found)
            .expected(first.expected)
            .help("choose a smaller model, fewer bytes a weight, or other hardware");
        r.error(&path, &["population", "execution"], item);
    } else {
        let message =
            format!("{names} cannot serve ({}): their members refuse all work", first.found);
        r.warn(&path, Diagnostic::warning(Code::Incompatible, message));
    }
}
